// Reads the documents under tests/data/oci.
#pragma once

#include <cstdio>
#include <string>

inline std::string read_data(const std::string& name) {
    std::string text;
    std::FILE* file = std::fopen((std::string(TEST_DATA "/oci/") + name).c_str(), "r");
    if (!file) return text;
    char buffer[4096];
    while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
    std::fclose(file);
    return text;
}
