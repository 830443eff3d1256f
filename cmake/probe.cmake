# casemate-probe: static and small, because it runs inside images that hold nothing; src/proof/probe/ is not part of the
# proof room's library.
file(GLOB probe_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/proof/probe/*.cc)
if(probe_sources AND TARGET casemate_base)
  add_executable(casemate-probe ${probe_sources})
  target_link_libraries(casemate-probe PRIVATE casemate_base casemate_flags)
  set_target_properties(casemate-probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_options(casemate-probe PRIVATE -static-pie $<$<NOT:$<CONFIG:Debug>>:-s>)
  include(GNUInstallDirs)
  install(TARGETS casemate-probe DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/casemate)
endif()
