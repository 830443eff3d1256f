# The random profiles of the merge laws serve monotony, too.
target_sources(unit_plan PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/unit/policy/random_profile.cc)
