// SPDX-License-Identifier: MIT
//
// The version of llms, and nothing else. CMake reads it from here; the inline namespace `v0_1`
// carries major and minor, so that two versions can meet in one program.
#ifndef LLMS_VERSION_HPP
#define LLMS_VERSION_HPP

#define LLMS_VERSION_MAJOR 0
#define LLMS_VERSION_MINOR 1
#define LLMS_VERSION_PATCH 0

#endif // LLMS_VERSION_HPP
