#include "image/broker.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/socket.h>

#include <cstring>

#include "base/text.h"
#include "oci/image.h"
#include "sys/call.h"

namespace casemate::image {

void put_text(char* field, size_t size, std::string_view text) {
    const size_t length = std::min(size - 1, text.size());
    std::memcpy(field, text.data(), length);
    field[length] = '\0';
}

std::string get_text(const char* field, size_t size) { return std::string(field, ::strnlen(field, size)); }

Result<void> send_message(FdView channel, const Message& message, FdView attached) {
    iovec part{const_cast<Message*>(&message), sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (attached.get() >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        const int raw = attached.get();
        std::memcpy(CMSG_DATA(rights), &raw, sizeof raw);
    }
    ssize_t sent;
    do {
        sent = ::sendmsg(channel.get(), &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != static_cast<ssize_t>(sizeof message)) return Error::sys("sendmsg");
    return {};
}

Result<Received> receive_message(FdView channel) {
    Received received;
    iovec part{&received.message, sizeof received.message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t got;
    do {
        got = ::recvmsg(channel.get(), &header, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Error::sys("recvmsg");
    if (got == 0) return Error::with_code(ECONNRESET, "the other side is gone");
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        int raw = -1;
        std::memcpy(&raw, CMSG_DATA(item), sizeof raw);
        received.attached = Fd(raw);
    }
    if (got != static_cast<ssize_t>(sizeof received.message) || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return Error::with_code(EPROTO, "a message of the wrong size");
    return received;
}

Result<Fd> Broker::open(const std::string& name) {
    Message ask;
    ask.kind = Message::Kind::open;
    put_text(ask.text, sizeof ask.text, name);
    TRY(send_message(channel_, ask));
    Received answer = TRY(receive_message(channel_));
    if (answer.message.kind != Message::Kind::opened) return Error::with_code(EPROTO, "a message out of turn");
    if (answer.message.code != 0)
        return Error::with_code(answer.message.code,
                                concat(quoted(name), ": ", get_text(answer.message.text, sizeof answer.message.text)));
    if (!answer.attached) return Error::with_code(EPROTO, "an answer without a descriptor");
    return std::move(answer.attached);
}

void Broker::progress(uint64_t layer, uint64_t layers, uint64_t bytes) {
    Message note;
    note.kind = Message::Kind::progress;
    note.layer = layer;
    note.layers = layers;
    note.bytes = bytes;
    // A parent that is gone ends this process anyway.
    static_cast<void>(send_message(channel_, note));
}

Result<void> Broker::offer(uint64_t layer, uint64_t layers, int32_t codec, FdView file, uint64_t offset, uint64_t bytes,
                           const std::string& digest, const std::string& diff_id) {
    Message note;
    note.kind = Message::Kind::layer;
    note.code = codec;
    note.layer = layer;
    note.layers = layers;
    note.offset = offset;
    note.bytes = bytes;
    put_text(note.text, sizeof note.text, concat(digest, " ", diff_id));
    return send_message(channel_, note, file);
}

Result<Fd> Broker::account(const std::string& path) {
    Message ask;
    ask.kind = Message::Kind::account;
    put_text(ask.text, sizeof ask.text, path);
    TRY(send_message(channel_, ask));
    Received answer = TRY(receive_message(channel_));
    if (answer.message.kind != Message::Kind::opened) return Error::with_code(EPROTO, "a message out of turn");
    if (answer.message.code == ENOENT) return Fd();
    if (answer.message.code != 0)
        return Error::with_code(answer.message.code, get_text(answer.message.text, sizeof answer.message.text));
    if (!answer.attached) return Error::with_code(EPROTO, "an answer without a descriptor");
    return std::move(answer.attached);
}

Result<Fd> open_in_layout(FdView layout, const std::string& name) {
    if (name != "oci-layout" && name != "index.json" && name != "manifest.json") {
        const auto parts = split(name, '/');
        if (parts.size() != 3 || parts[0] != "blobs") return Error::with_code(EPERM, "no name of an image layout");
        const oci::Digest digest = TRY(oci::Digest::parse(concat(parts[1], ':', parts[2])));
        if (digest.blob_path() != name) return Error::with_code(EPERM, "no name of an image layout");
    }
    constexpr uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    auto opened = sys::openat2(layout, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW, beneath);
    if (!opened && opened.error().code() == ELOOP)
        return Error::with_code(ELOOP, "a symlink, which no image layout may hold");
    Fd fd = TRY(std::move(opened));
    if (!S_ISREG(TRY(sys::fstat(fd)).st_mode)) return Error::with_code(EPERM, "not a regular file");
    return fd;
}

}  // namespace casemate::image
