# The chroot that Root is compared with is a forked child.
target_sources(unit_sys PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/support/in_child.cc)
