# SPDX-License-Identifier: ISC
# cmake --toolchain PREFIX/share/xenolith/xenolith.cmake: builds a project for Xenolith, with the
# compiler two folders above.  Libraries and headers are those of the sysroot.
get_filename_component(_root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(_tool "${_root}/bin/@TARGET@-")

set(CMAKE_SYSTEM_NAME Xenolith)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")	# Platform/Xenolith.cmake

set(CMAKE_C_COMPILER "${_tool}gcc")
set(CMAKE_ASM_COMPILER "${_tool}gcc")
set(CMAKE_CXX_COMPILER "${_tool}g++")
# A project that names no language has C++, too.  Without libstdc++ its C++ files do not compile.
if(NOT EXISTS "${_root}/@TARGET@/lib/libstdc++.a")
	set(CMAKE_CXX_COMPILER_FORCED TRUE)
endif()
foreach(_name AR NM OBJCOPY OBJDUMP RANLIB READELF STRIP)
	string(TOLOWER ${_name} _lower)
	set(CMAKE_${_name} "${_tool}${_lower}" CACHE FILEPATH "")
endforeach()
set(CMAKE_C_COMPILER_AR "${_tool}gcc-ar" CACHE FILEPATH "")
set(CMAKE_CXX_COMPILER_AR "${_tool}gcc-ar" CACHE FILEPATH "")
set(CMAKE_CXX_COMPILER_RANLIB "${_tool}gcc-ranlib" CACHE FILEPATH "")
set(CMAKE_C_COMPILER_RANLIB "${_tool}gcc-ranlib" CACHE FILEPATH "")
# ctest and try_run() run programs on a guest.
set(CMAKE_CROSSCOMPILING_EMULATOR "${_tool}run" CACHE FILEPATH "")
set(PKG_CONFIG_EXECUTABLE "${_tool}pkg-config" CACHE FILEPATH "")

set(CMAKE_FIND_ROOT_PATH "${_root}/@TARGET@")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
