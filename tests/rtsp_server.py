"""An RTSP server for tests, run by the system's Python, which has GStreamer: PORT OUTPUT [USER PASSWORD].

rtsp://127.0.0.1:PORT/play is a live picture; what is pushed to /record goes to the file OUTPUT as MPEG-TS. Prints
"ready" once it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PICTURE = "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1"
ENCODER = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25"
SOUND = "audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay1 pt=97"
PLAY = f"( {PICTURE} ! {ENCODER} ! rtph264pay name=pay0 pt=96 config-interval=1 {SOUND} )"
RECEIVE = "rtph264depay name=depay0 ! h264parse config-interval=-1 ! mpegtsmux"


def main(port: str, output: str, user: str = "", password: str = "") -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    mounts = server.get_mount_points()
    play = GstRtspServer.RTSPMediaFactory()
    play.set_launch(PLAY)
    play.set_shared(True)
    mounts.add_factory("/play", play)
    record = GstRtspServer.RTSPMediaFactory()
    record.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    record.set_latency(20)
    record.set_launch(f"( {RECEIVE} ! filesink sync=false buffer-mode=2 location={output} )")
    mounts.add_factory("/record", record)
    if user:
        _ask_for(server, (play, record), user, password)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


def _ask_for(
    server: GstRtspServer.RTSPServer, factories: tuple[GstRtspServer.RTSPMediaFactory, ...], user: str, password: str
) -> None:
    """Let nobody but the user see a picture or send one."""
    allowed = GstRtspServer.RTSPToken()
    allowed.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), allowed)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role("viewer", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    for factory in factories:
        factory.set_permissions(permissions)


if __name__ == "__main__":
    main(*sys.argv[1:])
