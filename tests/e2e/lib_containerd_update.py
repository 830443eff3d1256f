"""containerd's Tasks.Update, which ctr has no word for: lib_containerd_update.py SOCKET NAMESPACE ID RESOURCES-JSON."""
import sys

try:
    import grpc
except ImportError:
    print("no python3-grpcio: scripts/install-packages clients")
    sys.exit(77)

TYPE = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"


def field(number, data):
    """A length-delimited field of a protocol buffer."""
    size, length = b"", len(data)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + data


socket, namespace, name, resources = sys.argv[1:]
request = field(1, name.encode()) + field(2, field(1, TYPE.encode()) + field(2, resources.encode()))
with grpc.insecure_channel("unix://" + socket) as channel:
    try:
        channel.unary_unary("/containerd.services.tasks.v1.Tasks/Update")(request, metadata=[("containerd-namespace", namespace)], timeout=30)
    except grpc.RpcError as error:
        sys.exit(f"{error.code()}: {error.details()}")
