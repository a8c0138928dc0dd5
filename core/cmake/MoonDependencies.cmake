# SPDX-License-Identifier: Apache-2.0
# The libraries moonset stands on, all from the distribution's packages, as imported targets.
find_package(PkgConfig REQUIRED)
pkg_check_modules(lua REQUIRED IMPORTED_TARGET GLOBAL lua5.4)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET GLOBAL libcurl>=7.80)
pkg_check_modules(cjson REQUIRED IMPORTED_TARGET GLOBAL libcjson)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET GLOBAL yaml-0.1)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET GLOBAL libmicrohttpd)
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET GLOBAL libcrypto)
find_package(Threads REQUIRED)

# libev ships no pkg-config file.
find_path(EV_INCLUDE_DIR ev.h REQUIRED)
find_library(EV_LIBRARY ev REQUIRED)
add_library(moon_ev INTERFACE)
target_include_directories(moon_ev SYSTEM INTERFACE "${EV_INCLUDE_DIR}")
target_link_libraries(moon_ev INTERFACE "${EV_LIBRARY}")

if(MOONSET_TESTS)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET GLOBAL cmocka)
endif()
