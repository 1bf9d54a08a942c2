import HTTPTypes
import Logging
import Testing
import UmbelEngine
import UmbelFormats
import UmbelHTTP
import UmbelPOSIX
import UmbelRegistry
import UmbelTesting

@testable import UmbelServer

/// The service without sockets: what is found where, and how it is answered.
@Suite("Routing")
struct RoutingTests {
    private let folder: TemporaryFolder
    private let application: Application

    init() throws {
        folder = try TemporaryFolder()
        let base = try BaseModel(name: "tiny", path: Goldens.path("lycoris/base/main_fp32.safetensors"))
        let store = try AdapterStore(folder: folder.path + "/data")
        let engine = Engine(
            bases: [base], adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 24,
            pool: MergeResult.pool)
        application = Application(
            engine: engine, limits: ApplicationLimits(), version: "1.2.3",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func ask(
        _ method: HTTPRequest.Method, _ target: String, headers: HTTPFields = [:], body: String? = nil
    ) throws -> (response: Response, json: JSON?) {
        let request = try Request(method, target, headers: headers, body: .memory(Array((body ?? "").utf8)))
        let response = application.respond(to: request)
        guard case .bytes(let bytes) = response.body else { return (response, nil) }
        return (response, try? JSON(parsing: bytes))
    }

    @Test("A parameterless route goes before one with parameters, and the tail takes slashes")
    func matching() throws {
        let router = Router(routes: API.routes)
        func found(_ method: HTTPRequest.Method, _ target: String) throws -> (String, [String: String])? {
            guard case .route(let route, let parameters) = router.find(try Request(method, target)) else { return nil }
            return (route.path, parameters)
        }
        #expect(try found(.get, "/")?.0 == "/")
        #expect(try found(.get, "/v1/models")?.0 == "/v1/models")
        let file = try #require(try found(.get, "/v1/models/a+b:0.5/files/unet/x.safetensors"))
        #expect(file.0 == "/v1/models/{model}/files/{path...}")
        #expect(file.1 == ["model": "a+b:0.5", "path": "unet/x.safetensors"])
        #expect(try found(.head, "/v1/models")?.0 == "/v1/models", "HEAD is GET without a body")
        #expect(try found(.get, "/v1") == nil)
        #expect(try found(.get, "/v1/models/a/files/x")?.1["path"] == "x")
        for route in API.routes {
            let target = "/" + route.segments.map { $0.hasPrefix("{") ? "x" : String($0) }.joined(separator: "/")
            #expect(try found(route.method, target)?.0 == route.path, "\(route.method) \(route.path) is reachable")
        }
    }

    @Test("A method that a path does not take is 405 with those it takes; OPTIONS lists them")
    func methods() throws {
        for route in API.routes {
            let target = "/" + route.segments.map { $0.hasPrefix("{") ? "x" : String($0) }.joined(separator: "/")
            let refused = try ask(try #require(HTTPRequest.Method("REPORT")), target)
            #expect(refused.response.status == .methodNotAllowed)
            #expect(refused.json?["code"]?.string == "method_not_allowed")
            let allow = try #require(refused.response.headers[.allow]).split(separator: ", ").map(String.init)
            #expect(allow.contains(route.method.rawValue) && allow.contains("OPTIONS") && allow == allow.sorted())
            #expect(allow.contains("HEAD") == allow.contains("GET"))
            let options = try ask(.options, target)
            #expect(options.response.status == .noContent)
            #expect(options.response.headers[.allow] == refused.response.headers[.allow])
        }
    }

    @Test(
        "HEAD has the head of GET and no body",
        arguments: ["/healthz", "/version", "/v1/models", "/v1/adapters", "/none"])
    func head(_ target: String) throws {
        let full = try ask(.get, target).response
        let head = try ask(.head, target).response
        #expect(head.status == full.status)
        #expect(head.headers[.contentType] == full.headers[.contentType])
        #expect(head.body.count == 0)
        #expect(head.headers[.contentLength] == full.body.count.map(String.init))
    }

    @Test("What is nowhere is a problem with a code, a sentence and a request id")
    func nowhere() throws {
        let answer = try ask(.get, "/nowhere", headers: [.requestID: "my-id"])
        #expect(answer.response.status == .notFound)
        #expect(answer.response.headers[.contentType] == "application/problem+json")
        #expect(answer.response.headers[.requestID] == "my-id")
        #expect(answer.json?["code"]?.string == "no_such_path")
        #expect(answer.json?["detail"]?.string?.contains("/nowhere") == true)
        #expect(try ask(.get, "/nowhere", headers: [.requestID: "a b"]).response.headers[.requestID] != "a b")
    }

    @Test("Readiness follows the life of the service, liveness does not")
    func readiness() throws {
        #expect(try ask(.get, "/healthz").response.status == .ok)
        #expect(try ask(.get, "/readyz").response.status == .serviceUnavailable)
        application.setReady()
        #expect(try ask(.get, "/readyz").response.status == .ok)
        application.setDraining()
        let draining = try ask(.get, "/readyz")
        #expect(draining.response.status == .serviceUnavailable)
        #expect(draining.response.headers[.retryAfter] != nil)
        #expect(try ask(.get, "/healthz").response.status == .ok)
    }

    @Test("The OpenAPI document lists every route and nothing else")
    func openAPI() throws {
        let document = try #require(try ask(.get, "/openapi.json").json)
        #expect(document["info"]?["version"]?.string == "1.2.3")
        var listed: Set<String> = []
        var identifiers: [String] = []
        for path in try #require(document["paths"]?.members) {
            for operation in try #require(path.value.members) {
                listed.insert("\(operation.name.uppercased()) \(path.name)")
                identifiers.append(operation.value["operationId"]?.string ?? "")
                #expect(operation.value["summary"]?.string?.isEmpty == false)
                let parameters = operation.value["parameters"]?.array ?? []
                let inPath = parameters.filter { $0["in"]?.string == "path" }.compactMap { $0["name"]?.string }
                for name in inPath { #expect(path.name.contains("{\(name)}"), "\(path.name)") }
                #expect(path.name.filter { $0 == "{" }.count == inPath.count)
            }
        }
        #expect(listed == Set(API.routes.map { "\($0.method) \($0.path.replacing("...", with: ""))" }))
        #expect(Set(identifiers).count == API.routes.count, "operation ids are unique")
    }

    @Test("A misspelt parameter is told with the nearest one")
    func unknownParameter() throws {
        let answer = try ask(.get, "/v1/models/tiny/files?dtpe=f16")
        #expect(answer.response.status == .badRequest)
        #expect(answer.json?["detail"]?.string?.contains("dtype") == true)
        #expect(try ask(.get, "/v1/models/tiny/files?dtype=f17").json?["code"]?.string == "invalid_parameter")
    }

    static let variantFaults: [(body: String, code: String, words: [String])] = [
        ("", "invalid_json", []), ("[", "invalid_json", []), ("[]", "invalid_field", ["body", "object"]),
        ("{}", "missing_field", ["base"]), (#"{"base":1}"#, "invalid_field", ["base"]),
        (#"{"base":"tiny","adaptors":[]}"#, "unknown_field", ["adaptors", "adapters"]),
        (#"{"base":"tiny","zzzzzzzz":[]}"#, "unknown_field", ["zzzzzzzz"]),
        (#"{"base":"tiny","adapters":{}}"#, "invalid_field", ["adapters", "list"]),
        (#"{"base":"tiny","adapters":["a"]}"#, "invalid_field", ["adapters[0]", "object"]),
        (#"{"base":"tiny","adapters":[{"name":"a"},{}]}"#, "missing_field", ["adapters[1].name"]),
        (#"{"base":"tiny","adapters":[{"name":1}]}"#, "invalid_field", ["adapters[0].name"]),
        (#"{"base":"tiny","adapters":[{"name":"a","scal":1}]}"#, "unknown_field", ["scal", "scale"]),
        (#"{"base":"tiny","adapters":[{"name":"a","scale":"1"}]}"#, "invalid_field", ["adapters[0].scale"]),
        (#"{"base":"tiny","adapters":[{"name":"a","scale":1e999}]}"#, "invalid_field", ["adapters[0].scale"]),
        (#"{"base":"tiny","adapters":[{"name":"a","digest":"XY"}]}"#, "invalid_field", ["adapters[0].digest"]),
        (#"{"base":"tiny","pin":"yes"}"#, "invalid_field", ["pin"]),
        (#"{"model":"tiny","base":"tiny"}"#, "invalid_field", ["base", "model"]),
        (#"{"model":7}"#, "invalid_field", ["model"]), (#"{"model":"tiny+a:x"}"#, "invalid_reference", ["x"]),
        (#"{"base":"tiny","base":"tiny"}"#, "invalid_json", ["base"]), (#"{"base":"none"}"#, "unknown_model", ["none"]),
        (#"{"base":"tiny","adapters":[{"name":"a"}]}"#, "unknown_adapter", ["a"]),
    ]

    @Test("A body of POST /v1/variants that is wrong names the field", arguments: variantFaults.indices)
    func variantFault(_ index: Int) throws {
        let fault = Self.variantFaults[index]
        let answer = try ask(.post, "/v1/variants", body: fault.body)
        #expect(answer.json?["code"]?.string == fault.code, "\(fault.body)")
        #expect((400..<500).contains(answer.response.status.code))
        for word in fault.words { #expect(answer.json?["detail"]?.string?.contains(word) == true, "\(fault.body)") }
    }

    @Test("A base without adapters is a variant that shares everything")
    func emptyVariant() throws {
        let answer = try ask(.post, "/v1/variants", body: #"{"base":"tiny","adapters":[]}"#)
        #expect(answer.response.status == .created || answer.response.status == .ok)
        let id = try #require(answer.json?["id"]?.string)
        #expect(answer.response.headers[.location] == "/v1/variants/\(id)")
        #expect(try ask(.get, "/v1/variants/\(id)").response.status == .ok)
        #expect(try ask(.delete, "/v1/variants/\(id)").response.status == .noContent)
        #expect(try ask(.delete, "/v1/variants/\(id)").json?["code"]?.string == "unknown_variant")
    }

    @Test("An adapter is stored, looked at, and gone again; a condition that fails changes nothing")
    func adapterLife() throws {
        let bytes = [
            TestTensor("lycoris_enc_blocks_0_attn_to_q.diff", [24, 24], [Float](repeating: 0.25, count: 576))
        ].file()
        func put(_ headers: HTTPFields) throws -> Response {
            var headers = headers
            headers[.contentLength] = String(bytes.count)
            return application.respond(
                to: try Request(.put, "/v1/adapters/quarter", headers: headers, body: .memory(bytes)))
        }
        #expect(try put([:]).status == .created)
        #expect(try put([:]).status == .ok)
        #expect(try put([.ifNoneMatch: "*"]).status == .preconditionFailed)
        #expect(try put([.ifMatch: "\"sha256:00\""]).status == .preconditionFailed)
        let object = try ask(.get, "/v1/adapters/quarter")
        #expect(object.json?["name"]?.string == "quarter")
        #expect(try ask(.get, "/v1/models/tiny+quarter/files").response.status == .ok)
        #expect(try ask(.delete, "/v1/adapters/quarter").response.status == .noContent)
        #expect(try ask(.get, "/v1/adapters/quarter").json?["code"]?.string == "unknown_adapter")
        #expect(try ask(.put, "/v1/adapters/-bad-").json?["code"]?.string == "invalid_name")
        #expect(folder.names(in: "data/uploads") == [])
    }
}
