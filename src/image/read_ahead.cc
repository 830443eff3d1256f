// The read-ahead thread: one producer, one consumer, a ring of chunks that are copied once. Bounded, so that a slow
// disk does not turn into memory.
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "image/stream.h"

namespace casemate::image {
namespace {

constexpr size_t slots = 8;

class ReadAhead final : public Stream {
public:
    explicit ReadAhead(Stream& inner) : inner_(inner), thread_([this] { produce(); }) {}

    ~ReadAhead() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    Result<std::span<const uint8_t>> next() override {
        std::unique_lock lock(mutex_);
        if (borrowed_) {
            borrowed_ = false;
            ++taken_;
            changed_.notify_all();
        }
        changed_.wait(lock, [this] { return made_ > taken_ || finished_; });
        if (made_ > taken_) {
            borrowed_ = true;
            return std::span<const uint8_t>(ring_[taken_ % slots]);
        }
        if (failure_) return *failure_;
        return std::span<const uint8_t>();
    }

private:
    void produce() {
        while (true) {
            auto chunk = inner_.next();
            std::unique_lock lock(mutex_);
            if (!chunk || chunk.value().empty()) {
                if (!chunk) failure_ = std::move(chunk).take_error();
                finished_ = true;
                changed_.notify_all();
                return;
            }
            changed_.wait(lock, [this] { return made_ - taken_ < slots || stopping_; });
            if (stopping_) return;
            std::vector<uint8_t>& slot = ring_[made_ % slots];
            lock.unlock();  // the slot is the producer's until `made_` says otherwise
            slot.assign(chunk.value().begin(), chunk.value().end());
            lock.lock();
            ++made_;
            changed_.notify_all();
        }
    }

    Stream& inner_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<std::vector<uint8_t>, slots> ring_;
    size_t made_ = 0, taken_ = 0;
    bool borrowed_ = false, finished_ = false, stopping_ = false;
    std::optional<Error> failure_;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Stream> read_ahead(Stream& inner) { return std::make_unique<ReadAhead>(inner); }

}  // namespace casemate::image
