# The program's own tests run it, and make their images by scripts/pack-image.
if(TARGET unit_audit AND TARGET casemate-audit)
  add_dependencies(unit_audit casemate-audit)
endif()
