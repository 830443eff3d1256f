// The libc-free program between init and the app, as bytes (src/steps/stub/stub.c, built freestanding).
#pragma once

#include <cstddef>
#include <span>

namespace casemate::steps {

std::span<const unsigned char> stub_program();

}  // namespace casemate::steps
