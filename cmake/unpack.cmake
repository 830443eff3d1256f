# casemate-unpack and the libraries of the image room. Dynamic, in libexec: what reads hostile archives gets the
# distribution's security updates of zlib, zstd, ISA-L and libcrypto without a rebuild.
if(NOT TARGET casemate_image)
  return()
endif()
find_package(PkgConfig REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(libcrypto REQUIRED IMPORTED_TARGET libcrypto)
find_package(Threads REQUIRED)
target_link_libraries(casemate_image PUBLIC PkgConfig::zstd PkgConfig::libcrypto Threads::Threads)

# gzip: ISA-L where it is installed, else zlib (three times slower).
option(CASEMATE_ISAL "Inflate by ISA-L where it is installed" ON)
find_path(isal_include isa-l/igzip_lib.h)
find_library(isal_library isal)
if(CASEMATE_ISAL AND isal_include AND isal_library)
  target_compile_definitions(casemate_image PRIVATE CASEMATE_ISAL)
  target_link_libraries(casemate_image PUBLIC ${isal_library})
else()
  find_package(ZLIB REQUIRED)
  target_link_libraries(casemate_image PUBLIC ZLIB::ZLIB)
endif()

add_executable(casemate-unpack ${CMAKE_SOURCE_DIR}/src/image/unpack_main.cc)
target_link_libraries(casemate-unpack PRIVATE casemate_image)
set_target_properties(casemate-unpack PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_options(casemate-unpack PRIVATE -pie)
install(TARGETS casemate-unpack RUNTIME DESTINATION libexec/casemate)

# The store's keeper: list, rm, gc, verify.
if(TARGET casemate_runtime)
  add_executable(casemate-images ${CMAKE_SOURCE_DIR}/src/image/images_main.cc)
  target_link_libraries(casemate-images PRIVATE casemate_image casemate_runtime)
  set_target_properties(casemate-images PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_options(casemate-images PRIVATE -pie)
  install(TARGETS casemate-images RUNTIME DESTINATION libexec/casemate)
endif()
