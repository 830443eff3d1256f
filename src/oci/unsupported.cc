#include "oci/unsupported.h"

#include <algorithm>

#include "json/value.h"
#include "oci/config_fields.h"

namespace casemate::oci {
namespace {

// Walks the fields of a struct; `found` is called for each leaf that is present, or for each there is when `all`.
template <typename Found>
class Walk {
public:
    Walk(Found& found, bool all) : found_(found), all_(all) {}

    template <typename T>
    void operator()(std::string_view key, const T& member, const Rule& rule = {}) {
        if (!all_ && !rule.required && member == T()) return;
        const Mark mark = enter(key);
        visit(member);
        leave(mark);
    }
    template <typename Visit>
    void group(std::string_view key, Visit visit_group, const Rule& = {}) {
        const Mark mark = enter(key);
        visit_group(*this);
        leave(mark);
    }
    size_t leaves() const { return leaves_; }

private:
    struct Mark {
        size_t field, place;
    };
    Mark enter(std::string_view key) {
        const Mark mark{field_.size(), place_.size()};
        field_.append(".").append(key);
        place_.append(".").append(key);
        return mark;
    }
    void leave(const Mark& mark) {
        field_.resize(mark.field);
        place_.resize(mark.place);
    }
    void leaf() {
        ++leaves_;
        found_(field_, place_);
    }

    void visit(const bool&) { leaf(); }
    void visit(const std::string&) { leaf(); }
    void visit(const std::vector<std::string>&) { leaf(); }
    void visit(const std::vector<uint32_t>&) { leaf(); }
    void visit(const std::map<std::string, std::string>&) { leaf(); }
    template <std::integral T>
    void visit(const T&) {
        leaf();
    }
    template <typename T>
    void visit(const std::optional<T>& some) {
        if constexpr (requires(T value) { fields(*this, value); }) {
            const size_t before = leaves_;
            fields(*this, some ? *some : T());
            if (all_ || leaves_ == before) leaf();
        } else {
            leaf();
        }
    }
    template <typename T>
    void visit(const std::vector<T>& items) {
        if (all_) return item("[]", "", T());
        for (size_t i = 0; i < items.size(); ++i) item("[]", json::child_path("", i), items[i]);
    }
    template <typename T>
    void visit(const std::map<std::string, T>& entries) {
        if (all_) return item(".*", "", T());
        for (const auto& [name, entry] : entries) item(".*", json::child_path("", name), entry);
    }
    template <typename T>
    void visit(const T& object) {
        fields(*this, object);
    }
    template <typename T>
    void item(std::string_view any, std::string_view exact, const T& object) {
        const Mark mark{field_.size(), place_.size()};
        field_.append(any);
        place_.append(exact);
        fields(*this, object);
        leave(mark);
    }

    Found& found_;
    bool all_;
    std::string field_ = "$", place_ = "$";
    size_t leaves_ = 0;
};

template <typename Found>
void walk(const Config& config, bool all, Found found) {
    Walk<Found> visitor(found, all);
    fields(visitor, config);
}

}  // namespace

std::vector<std::string> all_fields() {
    std::vector<std::string> out;
    walk(Config(), true, [&](const std::string& field, const std::string&) { out.push_back(field); });
    return out;
}

std::vector<std::string> present_fields(const Config& config) {
    std::vector<std::string> out;
    walk(config, false, [&](const std::string& field, const std::string&) {
        if (std::ranges::find(out, field) == out.end()) out.push_back(field);
    });
    return out;
}

std::vector<std::string> unsupported(const Config& config, std::span<const std::string_view> applied) {
    std::vector<std::string> out;
    walk(config, false, [&](const std::string& field, const std::string& place) {
        if (std::ranges::find(applied, field) == applied.end()) out.push_back(place);
    });
    return out;
}

}  // namespace casemate::oci
