// The words of each chain, weak to strong, in the order of its enum (profile.h).
#pragma once

#include <span>
#include <string_view>

#include "policy/profile.h"

namespace casemate::policy {

// Specialised for each chain; the index of a word is its enumerator.
template <typename E>
constexpr std::string_view chain_table[] = {""};

template <>
constexpr std::string_view chain_table<ImageUser>[] = {"accept", "ignore"};
template <>
constexpr std::string_view chain_table<SetidFiles>[] = {"keep", "ignore", "strip"};
template <>
constexpr std::string_view chain_table<Propagation>[] = {"shared", "slave", "private"};
template <>
constexpr std::string_view chain_table<Volumes>[] = {"readwrite", "readonly", "none"};
template <>
constexpr std::string_view chain_table<ProcSubset>[] = {"all", "pid"};
template <>
constexpr std::string_view chain_table<Hidepid>[] = {"off", "noaccess", "invisible", "ptraceable"};
template <>
constexpr std::string_view chain_table<Access>[] = {"readwrite", "readonly", "none"};
template <>
constexpr std::string_view chain_table<NetworkMode>[] = {"host", "sockets", "published", "none"};
template <>
constexpr std::string_view chain_table<Egress>[] = {"open", "closed"};
template <>
constexpr std::string_view chain_table<Memfd>[] = {"allow", "deny"};
template <>
constexpr std::string_view chain_table<CgroupNeed>[] = {"optional", "required"};
template <>
constexpr std::string_view chain_table<ImageEnvironment>[] = {"accept", "ignore"};
template <>
constexpr std::string_view chain_table<OciHooks>[] = {"allow", "deny"};
template <>
constexpr std::string_view chain_table<OciRootUser>[] = {"replace", "refuse"};
template <>
constexpr std::string_view chain_table<OciUserNamespace>[] = {"engine", "require"};
template <>
constexpr std::string_view chain_table<OciOnTighten>[] = {"log", "refuse"};

template <typename E>
constexpr std::span<const std::string_view> chain_words() {
    return chain_table<E>;
}

}  // namespace casemate::policy
