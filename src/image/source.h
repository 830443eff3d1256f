// Where the files of an image come from: a layout directory, through the broker, or a tar archive, in which they are
// found by one pass over its headers. Both give the same names, so that the rest reads one format.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "image/broker.h"
#include "image/inflate.h"

namespace casemate::image {

class Source {
public:
    virtual ~Source() = default;
    // ENOENT when there is none.
    virtual Result<Extent> find(const std::string& name) = 0;
    // The whole of a small file.
    Result<std::string> read(const std::string& name, size_t limit);
};

class LayoutSource final : public Source {
public:
    explicit LayoutSource(Broker& broker) : broker_(broker) {}
    Result<Extent> find(const std::string& name) override;

private:
    Broker& broker_;
    std::map<std::string, Fd> open_;
};

// An OCI or docker archive. A compressed one is first inflated into an unnamed file of `scratch`.
class ArchiveSource final : public Source {
public:
    static Result<std::unique_ptr<ArchiveSource>> open(Fd archive, FdView scratch, Budget& budget);
    Result<Extent> find(const std::string& name) override;

private:
    explicit ArchiveSource(Fd archive) : archive_(std::move(archive)) {}
    Result<void> index(const Limits& limits);
    Fd archive_;
    std::map<std::string, Extent> files_;
    std::map<std::string, std::string> links_;  // a docker archive's old form has ID/layer.tar -> ../ID/layer.tar
};

}  // namespace casemate::image
