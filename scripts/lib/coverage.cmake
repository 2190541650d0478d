# Given as CMAKE_PROJECT_INCLUDE by scripts/coverage. Counts what runs of the
# library alone: a test that breaks malloc or the clock would break counters of
# its own. Forked children count too.
set(optly_coverage_fork "${CMAKE_CURRENT_LIST_DIR}/coverage_fork.c")
cmake_language(DEFER CALL target_compile_options optly_objects
               PRIVATE --coverage -fprofile-update=atomic)
cmake_language(DEFER CALL target_sources optly_test_support
               PRIVATE "${optly_coverage_fork}")
cmake_language(DEFER CALL target_link_options optly_test_support
               PUBLIC LINKER:--wrap=fork,--wrap=_exit,--wrap=fake_leave_child)
