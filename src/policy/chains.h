// The words of each chain, weak to strong, in the order of its enum (profile.h).
#pragma once

#include <span>
#include <string_view>

#include "policy/profile.h"

namespace casemate::policy {

// Specialised for each chain; the index of a word is its enumerator. inline: else clang links no two users of one.
template <typename E>
inline constexpr std::string_view chain_table[] = {""};

template <>
inline constexpr std::string_view chain_table<ImageUser>[] = {"accept", "ignore"};
template <>
inline constexpr std::string_view chain_table<SetidFiles>[] = {"keep", "ignore", "strip"};
template <>
inline constexpr std::string_view chain_table<Propagation>[] = {"shared", "slave", "private"};
template <>
inline constexpr std::string_view chain_table<Volumes>[] = {"readwrite", "readonly", "none"};
template <>
inline constexpr std::string_view chain_table<ProcSubset>[] = {"all", "pid"};
template <>
inline constexpr std::string_view chain_table<Hidepid>[] = {"off", "noaccess", "invisible", "ptraceable"};
template <>
inline constexpr std::string_view chain_table<Access>[] = {"readwrite", "readonly", "none"};
template <>
inline constexpr std::string_view chain_table<NetworkMode>[] = {"host", "sockets", "published", "none"};
template <>
inline constexpr std::string_view chain_table<Egress>[] = {"open", "closed"};
template <>
inline constexpr std::string_view chain_table<Memfd>[] = {"allow", "deny"};
template <>
inline constexpr std::string_view chain_table<CgroupNeed>[] = {"optional", "required"};
template <>
inline constexpr std::string_view chain_table<ImageEnvironment>[] = {"accept", "ignore"};
template <>
inline constexpr std::string_view chain_table<OciHooks>[] = {"allow", "deny"};
template <>
inline constexpr std::string_view chain_table<OciRootUser>[] = {"replace", "refuse"};
template <>
inline constexpr std::string_view chain_table<OciUserNamespace>[] = {"engine", "require"};
template <>
inline constexpr std::string_view chain_table<OciOnTighten>[] = {"log", "refuse"};

template <typename E>
constexpr std::span<const std::string_view> chain_words() {
    return chain_table<E>;
}

}  // namespace casemate::policy
