# The room against the kernel: groups are made in the host's hierarchies, whatever they are, and removed again.
file(GLOB cgroup_kernel_sources CONFIGURE_DEPENDS kernel/cgroup/*.cc)
casemate_test_program(kernel_cgroup SOURCES ${cgroup_kernel_sources} support/in_child.cc ROOMS cgroup)
