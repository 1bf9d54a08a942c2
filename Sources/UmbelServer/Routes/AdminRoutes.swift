internal import HTTPTypes
internal import UmbelEngine
internal import UmbelHTTP

/// `/v1/admin`: what an operator asks of the service as a whole.
enum AdminRoutes {
    static let all = [
        Route(
            .post, "/v1/admin/verify", "Hash every base and adapter again, merge what is in memory again, and compare",
            handler: verify)
    ]

    private static func verify(_ call: Call) throws -> Response {
        let report = try call.engine.verify()
        guard report.isWhole else { throw RequestError.verificationFailed(report) }
        return .json(.ok, VerificationView.object(report))
    }
}
