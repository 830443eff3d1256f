// A start of a container pays for each allocation and each page: the tree of a 16 KB document is a few blocks.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "json/value.h"

namespace {

size_t allocations = 0, allocated_bytes = 0;

}  // namespace

void* operator new(size_t bytes) {
    ++allocations;
    allocated_bytes += bytes;
    if (void* room = std::malloc(bytes)) return room;
    throw std::bad_alloc();
}
void operator delete(void* room) noexcept { std::free(room); }
void operator delete(void* room, size_t) noexcept { std::free(room); }

TEST_CASE("json: a tree costs a few blocks, whatever the number of values") {
    std::string text = "{\"syscalls\":[";
    for (int i = 0; i < 400; ++i)
        text +=
            (i ? ",{\"names\":[\"a_system_call_" : "{\"names\":[\"a_system_call_") + std::to_string(i) + "\",1,true]}";
    text += "]}";
    allocations = allocated_bytes = 0;
    const casemate::Result<casemate::json::Document> document = casemate::json::Document::parse(text);
    const size_t count = allocations, bytes = allocated_bytes;
    REQUIRE(document);
    CHECK(document.value().root().find("syscalls")->items().size() == 400);
    CHECK(count < 40);  // two thousand values and strings
    CHECK(bytes < 8 * text.size());
    CHECK(sizeof(casemate::json::Value) == 16);
}
