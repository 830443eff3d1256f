// The worker's only way to the outside: a SOCK_SEQPACKET pair to the parent. The parent opens the files of the source
// and hands over descriptors; the confined worker parses everything and reports back. So the privileged side never
// looks into an image, and the confined side never names a path outside.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "image/tree.h"

namespace casemate::image {

// One fixed-size datagram; texts end with a NUL or at the end of their field.
struct Message {
    enum class Kind : uint32_t { open, opened, progress, failed, done, layer, account };
    Kind kind = Kind::open;
    int32_t code = 0;    // opened, failed: errno; layer: its Codec
    uint64_t layer = 0;  // progress, layer: counted from 1
    uint64_t layers = 0;
    uint64_t bytes = 0;    // progress: uncompressed, of this layer; layer: of the blob; done: charged to the budget
    uint64_t offset = 0;   // layer: of the blob in the attached file
    uint64_t entries = 0;  // done: charged to the budget
    Counts counts;         // done
    char text[6144] = {};  // open, account: the name; layer: "DIGEST DIFF-ID"; failed: the error's text; done: the image
    char hint[1024] = {};  // failed
};

Result<void> send_message(FdView channel, const Message& message, FdView attached = -1);
struct Received {
    Message message;
    Fd attached;
};
// ECONNRESET when the other side is gone.
Result<Received> receive_message(FdView channel);

// Cuts what does not fit.
void put_text(char* field, size_t size, std::string_view text);
std::string get_text(const char* field, size_t size);

// The worker's side.
class Broker {
public:
    explicit Broker(FdView channel) : channel_(channel) {}
    // A regular file of the layout, by its name there ("index.json", "blobs/sha256/...").
    Result<Fd> open(const std::string& name);
    void progress(uint64_t layer, uint64_t layers, uint64_t bytes);
    // For the store: a layer that the image needs, as verified documents name it. `digest` may be empty.
    Result<void> offer(uint64_t layer, uint64_t layers, int32_t codec, FdView file, uint64_t offset, uint64_t bytes,
                       const std::string& digest, const std::string& diff_id);
    // For the store: a regular file of the assembled image, by its absolute path there. An invalid Fd: there is none.
    Result<Fd> account(const std::string& path);

private:
    FdView channel_;
};

// The parent's side: opens `name` below the layout directory. Only the names of image-layout.md are accepted; symlinks,
// FIFOs and anything that is no regular file are refused (GHSA-r3h2-rgqf-9hv9).
Result<Fd> open_in_layout(FdView layout, const std::string& name);

}  // namespace casemate::image
