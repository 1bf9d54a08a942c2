/// One setting of the service: everything that parsing, help and the check against `Config/umbel.yaml` need.
struct Setting: Sendable {
    /// Dotted path in the settings file: "server.listen".
    let key: String
    let description: String
    /// In the settings file's own notation.
    let defaultText: String

    /// "UMBEL_SERVER_LISTEN"
    var environmentName: String {
        "UMBEL_" + key.uppercased().map { $0 == "." ? "_" : $0 }
    }

    static let listen = Setting(
        key: "server.listen", description: "Address and port; port 0 lets the system choose.",
        defaultText: "127.0.0.1:8080")
    static let connections = Setting(
        key: "server.connections", description: "Open connections at most; further ones get 503.", defaultText: "1024")
    static let workers = Setting(
        key: "server.workers", description: "Requests answered at the same time.", defaultText: "64")
    static let headTimeout = Setting(
        key: "server.head_timeout", description: "Seconds in which a request's head must arrive.", defaultText: "15")
    static let idleTimeout = Setting(
        key: "server.idle_timeout", description: "Seconds that an idle connection is kept.", defaultText: "75")
    static let stallTimeout = Setting(
        key: "server.stall_timeout", description: "Seconds without a byte in or out before a slow client is dropped.",
        defaultText: "30")
    static let graceSeconds = Setting(
        key: "server.grace_seconds", description: "Seconds that requests under way have to finish after SIGTERM.",
        defaultText: "30")
    static let uploadBytes = Setting(
        key: "adapters.upload_bytes", description: "Largest adapter upload, in bytes.", defaultText: "4294967296")
    static let adapterFolder = Setting(
        key: "adapters.folder", description: "Folder that clients may load adapters from by name, or none.",
        defaultText: "none")
    static let history = Setting(
        key: "adapters.history", description: "Former contents that each name keeps, to go back to.",
        defaultText: "10")
    static let blobGraceSeconds = Setting(
        key: "adapters.blob_grace_seconds", description: "Seconds that an uploaded blob is kept which no adapter uses.",
        defaultText: "3600")
    static let watch = Setting(
        key: "adapters.watch", description: "Folder from which adapters are taken in; off for none.", defaultText: "off"
    )
    static let watchInterval = Setting(
        key: "adapters.watch_interval", description: "Seconds between two looks at the watched folder.",
        defaultText: "2")
    static let dataFolder = Setting(
        key: "data.folder", description: "Folder for uploaded adapters.", defaultText: "umbel-data")
    static let cacheBytes = Setting(
        key: "cache.bytes", description: "Memory for merged tensors, in bytes; auto is half of what is free at start.",
        defaultText: "auto")
    static let cacheDeltas = Setting(
        key: "cache.deltas",
        description: "Part of cache.bytes for differences kept for other strengths, in bytes; auto is a quarter.",
        defaultText: "auto")
    static let cachePrefault = Setting(
        key: "cache.prefault",
        description: "Memory made ready after the start for the first merges, in bytes; at most cache.bytes.",
        defaultText: "0")
    static let cacheSpareSeconds = Setting(
        key: "cache.spare_seconds",
        description: "Seconds without a merge until memory kept for the next ones goes back to the system.",
        defaultText: "600")
    static let drawingQueue = Setting(
        key: "drawing.queue", description: "Drawings that wait at most; further ones get 429.", defaultText: "64")
    static let drawingConcurrency = Setting(
        key: "drawing.concurrency", description: "Drawings at the same time.", defaultText: "1")
    static let drawingKeepSeconds = Setting(
        key: "drawing.keep_seconds", description: "Seconds that a finished drawing can be fetched.", defaultText: "600")
    static let drawingKeepBytes = Setting(
        key: "drawing.keep_bytes", description: "Memory for finished drawings, in bytes.", defaultText: "268435456")
    static let drawingComputeType = Setting(
        key: "drawing.compute_type", description: "What products of a U-Net are computed in: auto, f32 or bf16.",
        defaultText: "f32")
    static let drawingLayerBytes = Setting(
        key: "drawing.layer_bytes",
        description: "Memory for layers that adapters change, in bytes; auto is a quarter of what is free at start.",
        defaultText: "auto")
    static let drawingDecodeBytes = Setting(
        key: "drawing.decode_bytes",
        description: "Memory for decoding or encoding a picture whole, in bytes; larger ones go in tiles.",
        defaultText: "4294967296")
    static let threads = Setting(
        key: "compute.threads", description: "Computing threads; auto is one a processor.", defaultText: "auto")
    static let logLevel = Setting(
        key: "log.level", description: "trace, debug, info, notice, warning, error or critical.", defaultText: "info")

    /// Every setting but `bases`, which is a map of names to paths.
    static let all = [
        listen, connections, workers, headTimeout, idleTimeout, stallTimeout, graceSeconds, uploadBytes, adapterFolder,
        history, blobGraceSeconds, watch, watchInterval, dataFolder, cacheBytes, cacheDeltas, cachePrefault,
        cacheSpareSeconds, drawingQueue, drawingConcurrency, drawingKeepSeconds, drawingKeepBytes,
        drawingComputeType, drawingLayerBytes, drawingDecodeBytes, threads, logLevel,
    ]
}
