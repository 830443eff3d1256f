#include "launch/wire.h"

#include <cstring>

namespace casemate::launch {

Result<Message> decode(std::string_view bytes) {
    Message message;
    if (bytes.empty()) {
        message.end = true;
        return message;
    }
    message.letter = static_cast<Letter>(bytes[0]);
    if (message.letter == Letter::mounted && bytes.size() == 1) return message;
    if (message.letter == Letter::failed && bytes.size() == sizeof(FailedMessage)) {
        std::memcpy(&message.failure, bytes.data(), sizeof message.failure);
        message.failure.text[sizeof message.failure.text - 1] = message.failure.hint[sizeof message.failure.hint - 1] = '\0';
    } else if (bytes.size() == sizeof(StubMessage)) {
        StubMessage stub;
        std::memcpy(&stub, bytes.data(), sizeof stub);
        message.number = stub.number;
    } else {
        return Error::invalid("a message of unknown form from the container");
    }
    return message;
}

}  // namespace casemate::launch
