# The planner's inputs for tests serve here, too.
target_sources(unit_steps PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/unit/plan/compiling.cc)
