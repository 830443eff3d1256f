// Where things are in the store, for the two programs that touch it: casemate-unpack writes it, the launcher reads it at
// every start and must not link what inflates and hashes.
//
//   DATA/.store/SETID/               a store for each treatment of set-id bits: it changes what is on disk
//     lock                           shared: somebody is unpacking; exclusive: layers are being removed
//     layers/CHAIN/fs                one layer, in overlayfs's form; CHAIN: the chain id, hexadecimal
//     layers/CHAIN/files             every file of it as it was unpacked (mtree format)
//     layers/CHAIN/layer.json
//     layers/.CHAIN.part             in the making, or left by one that was killed; locked while somebody is at work
//     images/IMAGE/image.json        IMAGE: the manifest's digest (a docker archive's config's), hexadecimal
//     images/IMAGE/passwd, group     as the image has them; locked (shared) as long as a container uses the image
//     references/KEY.json            which SOURCE was which image
#pragma once

namespace casemate::image::store_layout {

inline constexpr const char* directory = ".store";  // no container's id begins with a dot
inline constexpr const char* lock = "lock";
inline constexpr const char* layers = "layers";
inline constexpr const char* images = "images";
inline constexpr const char* references = "references";
inline constexpr const char* tree = "fs";
inline constexpr const char* files = "files";
inline constexpr const char* layer_record = "layer.json";
inline constexpr const char* image_record = "image.json";
inline constexpr const char* passwd = "passwd";
inline constexpr const char* group = "group";

}  // namespace casemate::image::store_layout
