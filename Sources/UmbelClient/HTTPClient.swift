internal import CCurl
internal import UmbelPOSIX

/// HTTP by libcurl, one request at a time.
///
/// The rules of libcurl that are kept here:
///
/// - The library is started once in a process, before anything else of it is called, and never stopped: other threads may
///   still be using it.
/// - A handle is used by one thread at a time. The class is not `Sendable`, so the compiler sees to it.
/// - No signals: without `CURLOPT_NOSIGNAL` a slow resolver is interrupted by `SIGALRM`. With it libcurl leaves `SIGPIPE`
///   as it is, which OpenSSL's writing would raise, so it is ignored.
/// - A kept connection that turns out to be dead is replaced and the request sent again without asking. What must not
///   happen twice therefore gets a connection of its own.
package final class HTTPClient {
    package struct Options: Sendable {
        package var connectSeconds = 10
        /// A file of certificates that vouch for servers, in PEM; nil for the system's.
        package var certificates: String?
        package var agent = "umbel"

        package init() {}
    }

    private let handle: UnsafeMutableRawPointer
    private let options: Options
    /// libcurl writes its words for a failure here. Outlives the handle.
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// Whether libcurl has been started.
    private static let isStarted: Bool = {
        ignoreBrokenPipes()
        return umbel_curl_start() == CURLE_OK
    }()

    package init(_ options: Options = Options()) throws(ClientError) {
        self.options = options
        guard Self.isStarted, let handle = curl_easy_init() else {
            words.deallocate()
            throw .library(code: Int(CURLE_FAILED_INIT.rawValue), message: "libcurl cannot be started")
        }
        self.handle = handle
    }

    deinit {
        curl_easy_cleanup(handle)
        words.deallocate()
    }

    /// Carries a request out, to the end of the answer.
    ///
    /// - Parameter avoidingProxy: goes there straight, whatever proxy the environment names.
    /// - Returns: the answer, whatever its status; redirects are not followed.
    package func send(_ request: ClientRequest, avoidingProxy: Bool = false) throws(ClientError) -> ClientResponse {
        let transfer = Transfer(request)
        let headers = try headerList(of: request)
        defer { curl_slist_free_all(headers) }
        // Keeps connections, forgets all options.
        curl_easy_reset(handle)
        words[0] = 0
        try setRules(avoidingProxy: avoidingProxy)
        try setCallbacks(transfer)
        try setMessage(request, transfer, headers)
        let code = curl_easy_perform(handle)
        return try withExtendedLifetime(transfer) { () throws(ClientError) in
            try finish(request, transfer, code)
        }
    }

    // MARK: Options

    private func setRules(avoidingProxy: Bool) throws(ClientError) {
        try check(umbel_curl_allow_http_only(handle))
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_CONNECTTIMEOUT, options.connectSeconds)
        // Names go to the server as they are; what it makes of ".." is for it to say.
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_USERAGENT, options.agent)
        if let certificates = options.certificates { try set(CURLOPT_CAINFO, certificates) }
        if avoidingProxy { try set(CURLOPT_NOPROXY, "*") }
        try check(umbel_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, words))
    }

    private func setCallbacks(_ transfer: Transfer) throws(ClientError) {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        try check(umbel_curl_set_transfer(handle, CURLOPT_READFUNCTION, readCallback))
        try check(umbel_curl_set_pointer(handle, CURLOPT_READDATA, context))
        try check(umbel_curl_set_seek(handle, seekCallback))
        try check(umbel_curl_set_pointer(handle, CURLOPT_SEEKDATA, context))
        try check(umbel_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION, writeCallback))
        try check(umbel_curl_set_pointer(handle, CURLOPT_WRITEDATA, context))
        try check(umbel_curl_set_transfer(handle, CURLOPT_HEADERFUNCTION, headerCallback))
        try check(umbel_curl_set_pointer(handle, CURLOPT_HEADERDATA, context))
    }

    private func setMessage(
        _ request: ClientRequest, _ transfer: Transfer, _ headers: UnsafeMutablePointer<curl_slist>?
    ) throws(ClientError) {
        try set(CURLOPT_URL, request.url)
        try check(umbel_curl_set_list(handle, CURLOPT_HTTPHEADER, headers))
        if request.body != nil {
            try set(CURLOPT_POST, 1)
            try check(umbel_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(transfer.bodyBytes)))
            try set(CURLOPT_CUSTOMREQUEST, request.method)
        } else if request.method == "HEAD" {
            try set(CURLOPT_NOBODY, 1)
        } else {
            try set(CURLOPT_CUSTOMREQUEST, request.method)
        }
        try set(CURLOPT_LOW_SPEED_LIMIT, 1)
        try set(CURLOPT_LOW_SPEED_TIME, request.stallSeconds)
        if !request.mayRepeat { try set(CURLOPT_FRESH_CONNECT, 1) }
    }

    /// - Throws: `ClientError.header` for a value that is not printable ASCII.
    private func headerList(of request: ClientRequest) throws(ClientError) -> UnsafeMutablePointer<curl_slist>? {
        for (name, value) in request.headers where !value.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) {
            throw .header(name: name)
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for (name, value) in request.headers {
            guard let longer = curl_slist_append(list, "\(name): \(value)") else {
                curl_slist_free_all(list)
                throw .library(code: Int(CURLE_OUT_OF_MEMORY.rawValue), message: "out of memory")
            }
            list = longer
        }
        return list
    }

    private func set(_ option: CURLoption, _ value: Int) throws(ClientError) {
        try check(umbel_curl_set_long(handle, option, value))
    }

    /// libcurl copies the text.
    private func set(_ option: CURLoption, _ value: String) throws(ClientError) {
        try check(umbel_curl_set_text(handle, option, value))
    }

    private func check(_ code: CURLcode) throws(ClientError) {
        guard code == CURLE_OK else {
            throw .library(code: Int(code.rawValue), message: String(cString: curl_easy_strerror(code)))
        }
    }

    // MARK: The end

    private func finish(
        _ request: ClientRequest, _ transfer: Transfer, _ code: CURLcode
    ) throws(ClientError) -> ClientResponse {
        if let failure = transfer.failure { throw failure }
        // An answer that is too long was broken off by us; what is there of it may still tell something.
        guard code == CURLE_OK || transfer.isTruncated else { throw error(code, request) }
        return ClientResponse(
            status: information(CURLINFO_RESPONSE_CODE), headers: transfer.headers, body: transfer.body,
            isTruncated: transfer.isTruncated)
    }

    private func error(_ code: CURLcode, _ request: ClientRequest) -> ClientError {
        let words = String(cString: words)
        let message = words.isEmpty ? String(cString: curl_easy_strerror(code)) : words
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
            return .unreachable(message: message)
        case CURLE_OPERATION_TIMEDOUT:
            let wasConnected = information(CURLINFO_REQUEST_SIZE) > 0
            return wasConnected
                ? .stalled(seconds: request.stallSeconds) : .connectTimeout(seconds: options.connectSeconds)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
            return .insecure(message: message)
        default: return .brokenOff(code: Int(code.rawValue), message: message)
        }
    }

    private func information(_ which: CURLINFO) -> Int {
        var value = 0
        return umbel_curl_get_long(handle, which, &value) == CURLE_OK ? value : 0
    }
}

// MARK: Callbacks. Each is called by `curl_easy_perform` on the thread that called it, with the `Transfer`.

private let readCallback: curl_read_callback = { buffer, size, count, context in
    guard let transfer = transfer(context) else { return Int(CURL_READFUNC_ABORT) }
    return transfer.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
}

private let writeCallback: curl_write_callback = { bytes, size, count, context in
    guard let transfer = transfer(context) else { return 0 }
    return transfer.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
}

private let headerCallback: curl_write_callback = { bytes, size, count, context in
    guard let transfer = transfer(context) else { return 0 }
    return transfer.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
}

private let seekCallback: curl_seek_callback = { context, offset, origin in
    guard let transfer = transfer(context) else { return Int32(CURL_SEEKFUNC_FAIL) }
    return transfer.seek(to: Int(offset), from: origin)
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}
