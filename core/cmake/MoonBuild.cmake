# SPDX-License-Identifier: Apache-2.0
# Warnings, sanitizers and the functions that declare a layer, a plugin and a unit test.

add_library(moon_warnings INTERFACE)
target_compile_options(moon_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-qual -Wvla
    -Wformat=2 -Wswitch-enum -Wnull-dereference
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches>
    # GCC checks signs; clang also minds enums, which it takes for unsigned.
    $<$<C_COMPILER_ID:Clang>:-Wno-gnu-zero-variadic-macro-arguments -Wno-sign-conversion>
    $<$<BOOL:${MOONSET_WERROR}>:-Werror>)

# cmocka's macros and table-driven tests trip the strictest warnings without telling anything. Linked
# after moon_warnings: of two flags that contradict each other, the later one counts.
add_library(moon_test_warnings INTERFACE)
target_compile_options(moon_test_warnings INTERFACE
    -Wno-conversion -Wno-float-conversion -Wno-cast-qual -Wno-null-dereference
    $<$<C_COMPILER_ID:Clang>:-Wno-string-concatenation -Wno-unused-variable>
    $<$<C_COMPILER_ID:GNU>:-Wno-restrict -Wno-format-truncation>)

add_library(moon_sanitize INTERFACE)
if(MOONSET_SANITIZE)
    target_compile_options(moon_sanitize INTERFACE -fsanitize=${MOONSET_SANITIZE}
                           -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(moon_sanitize INTERFACE -fsanitize=${MOONSET_SANITIZE})
endif()
if(MOONSET_COVERAGE)
    target_compile_options(moon_sanitize INTERFACE --coverage)
    target_link_options(moon_sanitize INTERFACE --coverage)
endif()

# What every target of ours is compiled with.
function(moon_target name)
    set_target_properties(${name} PROPERTIES C_STANDARD 17 C_EXTENSIONS ON
                          C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE
                               MOONSET_VERSION="${PROJECT_VERSION}")
    target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}/core")
    target_link_libraries(${name} PRIVATE moon_warnings moon_sanitize)
endfunction()

# The build id: in-tree plugins use the layers' structs, so what they were compiled with must be what
# the binary was compiled with. A digest of all headers and of what changes the layout of structs;
# written anew only when it changes.
set(MOON_GENERATED_DIR "${CMAKE_BINARY_DIR}/generated")
file(GLOB_RECURSE moon_headers CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/core/*.h")
add_custom_command(OUTPUT "${MOON_GENERATED_DIR}/host/build_id.h"
    COMMAND ${CMAKE_COMMAND} "-DHEADERS=${moon_headers}" "-DROOT=${CMAKE_SOURCE_DIR}"
            "-DTEXT=${PROJECT_VERSION} ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION} ${CMAKE_SYSTEM_PROCESSOR} ${MOONSET_SANITIZE}"
            "-DOUTPUT=${MOON_GENERATED_DIR}/host/build_id.h"
            -P "${CMAKE_CURRENT_LIST_DIR}/MoonBuildId.cmake"
    DEPENDS ${moon_headers} "${CMAKE_CURRENT_LIST_DIR}/MoonBuildId.cmake"
    COMMENT "Digest of all headers" VERBATIM)
add_custom_target(moon_build_id DEPENDS "${MOON_GENERATED_DIR}/host/build_id.h")

# moon_layer(kube SOURCES a.c … USES moon_io moon_base LIBS PkgConfig::x)
# One static library per layer: a unit test that links one layer fails to link on an upward call.
function(moon_layer name)
    cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBS" ${ARGN})
    add_library(moon_${name} STATIC ${ARG_SOURCES})
    moon_target(moon_${name})
    target_link_libraries(moon_${name} PUBLIC ${ARG_USES} ${ARG_LIBS})
endfunction()

# moon_plugin(daemonset SOURCES a.c … PARTS moon_daemonset_x USES moon_control …)
# Built in when named in MOONSET_BUILTIN_PLUGINS (a static library the binary links), else a shared
# object that is linked against nothing: the binary exports what it needs. The objects of PARTS,
# libraries of the plugin's own, belong to it in both cases.
function(moon_plugin name)
    cmake_parse_arguments(ARG "" "" "SOURCES;PARTS;USES;LIBS" ${ARGN})
    foreach(part IN LISTS ARG_PARTS)
        list(APPEND ARG_SOURCES $<TARGET_OBJECTS:${part}>)
    endforeach()
    if(name IN_LIST MOONSET_BUILTIN_PLUGINS)
        add_library(moon_plugin_${name} STATIC ${ARG_SOURCES})
        target_compile_definitions(moon_plugin_${name} PRIVATE
                                   MOON_PLUGIN_ENTRY=moonset_plugin_${name}_v1)
        target_link_libraries(moon_plugin_${name} PUBLIC ${ARG_USES} ${ARG_LIBS})
    else()
        add_library(moon_plugin_${name} MODULE ${ARG_SOURCES})
        target_compile_definitions(moon_plugin_${name} PRIVATE MOON_PLUGIN_ENTRY=moonset_plugin_v1)
        set_target_properties(moon_plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                              LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/plugins")
        foreach(lib IN LISTS ARG_USES ARG_LIBS)
            target_include_directories(moon_plugin_${name} PRIVATE
                $<TARGET_PROPERTY:${lib},INTERFACE_INCLUDE_DIRECTORIES>)
        endforeach()
        install(TARGETS moon_plugin_${name}
                LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/moonset/plugins")
    endif()
    moon_target(moon_plugin_${name})
    add_dependencies(moon_plugin_${name} moon_build_id)
    target_include_directories(moon_plugin_${name} PRIVATE "${CMAKE_SOURCE_DIR}/plugins")
endfunction()

# What tests and what they share are compiled with.
function(moon_test_target name)
    moon_target(${name})
    target_link_libraries(${name} PRIVATE moon_test_warnings)
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/plugins"
                               "${CMAKE_SOURCE_DIR}/tests")
    target_compile_definitions(${name} PRIVATE
                               MOON_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                               MOON_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${name} PUBLIC ${ARGN} PkgConfig::cmocka)
endfunction()

# moon_test_fixture(hook_fixture SOURCES hook_fixture.c USES moon_policy)
# What several tests share, compiled once. Objects rather than an archive: all of them are linked, so
# a function that stands in for one of a layer is found whatever the order on the command line.
function(moon_test_fixture name)
    cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
    add_library(${name} OBJECT ${ARG_SOURCES})
    moon_test_target(${name} ${ARG_USES})
endfunction()

# moon_unit_test(base_map SOURCES test_map.c USES moon_base [ENV …])
function(moon_unit_test name)
    cmake_parse_arguments(ARG "" "" "SOURCES;USES;ENV" ${ARGN})
    add_executable(test_${name} ${ARG_SOURCES})
    moon_test_target(test_${name} ${ARG_USES})
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS unit
                         ENVIRONMENT "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1;${ARG_ENV}")
endfunction()
