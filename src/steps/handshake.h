// The two words that init and host exchange in the middle of the step list. The rest of the conversation is in
// launch/wire.h.
#pragma once

namespace casemate::steps {

constexpr char mounted_letter = 'h';   // init -> host: everything is mounted, the host's root is still there
constexpr char resume_letter = 'c';   // host -> init: the hooks have run

}  // namespace casemate::steps
