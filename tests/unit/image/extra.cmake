# The corpus runs through the real program.
if(TARGET casemate-unpack)
  add_dependencies(unit_image casemate-unpack)
endif()
