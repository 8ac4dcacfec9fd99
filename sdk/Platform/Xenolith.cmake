# SPDX-License-Identifier: ISC
# What cmake assumes about Xenolith: the functions of POSIX, static libraries only.
set(UNIX 1)
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
set(CMAKE_EXECUTABLE_SUFFIX "")
set(CMAKE_DL_LIBS "")
list(APPEND CMAKE_SYSTEM_INCLUDE_PATH /include)
list(APPEND CMAKE_SYSTEM_LIBRARY_PATH /lib)
list(APPEND CMAKE_SYSTEM_PREFIX_PATH /)
