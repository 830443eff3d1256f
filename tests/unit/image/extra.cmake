# The corpus runs through the real program; zlib writes the gzip that the tests read.
if(TARGET unit_image AND TARGET casemate-unpack)
  add_dependencies(unit_image casemate-unpack)
  find_package(ZLIB REQUIRED)
  target_link_libraries(unit_image PRIVATE ZLIB::ZLIB)
endif()
