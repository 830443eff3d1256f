#include "steps/stub.h"

extern "C" const unsigned char casemate_stub_begin[], casemate_stub_end[];

namespace casemate::steps {

std::span<const unsigned char> stub_program() { return {casemate_stub_begin, casemate_stub_end}; }

}  // namespace casemate::steps
