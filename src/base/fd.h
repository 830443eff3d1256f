// Fd owns a file descriptor; FdView borrows one. close(2) is never retried: on Linux the slot is free even on EINTR.
#pragma once

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace casemate {

class Fd {
public:
    Fd() = default;
    explicit Fd(int raw) : raw_(raw) {}
    Fd(Fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.raw_, -1));
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return raw_; }
    bool valid() const { return raw_ >= 0; }
    explicit operator bool() const { return valid(); }
    // Gives the descriptor away; the caller closes it.
    int release() { return std::exchange(raw_, -1); }
    void reset(int next = -1) {
        const int saved = errno;  // a destructor must not hide the errno being reported
        if (raw_ >= 0 && raw_ != next) ::close(raw_);
        raw_ = next;
        errno = saved;
    }

private:
    int raw_ = -1;
};

class FdView {
public:
    FdView(int raw) : raw_(raw) {}
    FdView(const Fd& fd) : raw_(fd.get()) {}
    int get() const { return raw_; }

private:
    int raw_;
};

}  // namespace casemate
