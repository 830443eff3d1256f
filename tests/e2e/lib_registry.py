"""A registry of one image for image_pull.sh: lib_registry.py LAYOUT PORT serves the OCI layout over HTTP (distribution
specification: pull), whatever the repository's and the tag's name."""
import http.server
import json
import pathlib
import sys


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, kind, digest=None):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        layout = pathlib.Path(sys.argv[1])
        index = json.loads((layout / "index.json").read_text())
        manifest = index["manifests"][0]
        name = self.path.rsplit("/", 1)[-1]
        if self.path == "/v2/":
            return self.answer(b"{}", "application/json")
        wanted = manifest["digest"] if "/manifests/" in self.path and not name.startswith("sha256:") else name
        blob = layout / "blobs" / wanted.replace(":", "/")
        if not blob.is_file():
            return self.send_error(404)
        return self.answer(blob.read_bytes(), manifest["mediaType"] if "/manifests/" in self.path else "application/octet-stream", wanted)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Registry).serve_forever()
