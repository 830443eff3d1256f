# The control run starts the probe itself.
if(TARGET unit_proof AND TARGET casemate-probe)
  add_dependencies(unit_proof casemate-probe)
endif()
