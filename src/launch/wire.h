// What host and init say to one another: one fixed struct a message, over SOCK_SEQPACKET; no JSON after the fork.
//
//   host -> init   Go            the maps are written, the trees have their flags: begin. Of an image in layers, its root
//                                comes along: it can be made only when the maps are there
//   init -> host   Failed        a step failed: the launch is over
//   init -> host   Mounted       hooks: everything is mounted, the host's root still there; init waits
//   host -> init   Resume        the hooks have run
//   init -> host   Listener      number of the seccomp listener's descriptor; go when a copy was handed over
//   stub -> host   Ready         confined, waiting (steps/stub/stub.c)
//   host -> stub   Execute       seen from outside and found right: become the app
//   stub -> host   Waiting       create: told to execute, it now waits for `start`; the channel is done
//   stub -> host   CannotExecute errno of execve
//   stub -> host   Started       process.init: the app runs as pid 2
//   stub -> host   Ended         process.init: its wait status
//
// Without process.init the end of the channel after Execute means that the app runs: the stub's end is close-on-exec.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "steps/handshake.h"

namespace casemate::launch {

enum class Letter : char {
    go = 'm',
    failed = 'f',
    mounted = steps::mounted_letter,
    resume = steps::resume_letter,
    listener = 'l',
    ready = 'r',
    execute = 'g',
    cannot_execute = 'e',
    waiting = 'w',
    started = 's',
    ended = 'x',
};

// The stub's messages, and Listener (steps/init/seccomp.cc): a letter and a native int, packed by hand on its side.
struct __attribute__((packed)) StubMessage {
    char letter;
    int32_t number;
};

struct FailedMessage {
    char letter = static_cast<char>(Letter::failed);
    int32_t code = 0;       // errno
    int32_t exit_code = 0;  // of the launcher: 125, 126, 127
    char text[720] = {};    // NUL-terminated
    char hint[280] = {};
};
static_assert(sizeof(FailedMessage) <= 1024);

// One message of init or stub, as far as the host's waiting goes.
struct Message {
    Letter letter{};
    int number = 0;
    FailedMessage failure;  // its texts are terminated
    bool end = false;       // the channel is closed
};

// What `bytes`, one message as it came, says. From the stub on its sender may be anybody in the container: a size that
// belongs to no message is an error; whether the letter fits the moment is the caller's to judge.
Result<Message> decode(std::string_view bytes);

}  // namespace casemate::launch
