import Foundation
import Testing

/// The clients of the Hugging Face Hub as their authors made them, with `HF_ENDPOINT` pointing to the service.
@Suite struct HubClientTests {
    private static let hasHub = Programs.pythonHas("huggingface_hub")
    private static let hasTransformers = Programs.pythonHas("transformers", "torch", "safetensors")
    private static let hasDiffusers = Programs.pythonHas("diffusers", "transformers", "torch", "safetensors")
    private static let hasPEFT = Programs.pythonHas("peft", "transformers", "torch", "safetensors")

    private static let pipelineTerms = "outline:0.8+tilt:0.5"

    /// Both small models, with adapters for them.
    private func service() throws -> Service {
        let service = try Service(["shapes-sd": Samples.pipeline, "stories-llama": Samples.llama])
        #expect(try service.put("outline", Samples.outline).status == 201)
        #expect(try service.put("tilt", Samples.tilt).status == 201)
        #expect(try service.putShakespeare().status == 201)
        return service
    }

    private func run(_ script: String, _ arguments: [String] = [], on service: Service) throws -> String {
        let result = try python(script, arguments, environment: service.hubEnvironment(), in: service.scratch)
        guard result.status == 0 else { throw HarnessFailure(result.errors) }
        return result.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What `umbel merge` writes for the pipeline and for the language model, below the scratch folder.
    private func merged(_ service: Service) throws -> (pipeline: String, llama: String) {
        let folder = service.scratch.path
        let pipeline = try umbel(
            "merge", "--base", Samples.pipeline, "--adapter", Samples.outline + ":0.8", "--adapter",
            Samples.tilt + ":0.5", "--out", folder + "/merged-pipeline", in: service.scratch)
        #expect(pipeline.status == 0, "\(pipeline.errors)")
        let llama = try umbel(
            "merge", "--base", Samples.llama, "--adapter", Samples.shakespeare + ":0.8", "--out",
            folder + "/merged-llama", in: service.scratch)
        #expect(llama.status == 0, "\(llama.errors)")
        return (folder + "/merged-pipeline", folder + "/merged-llama")
    }

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `snapshot_download brings byte for byte what umbel merge writes`() throws {
        let service = try service()
        let merged = try merged(service)
        let script = """
            import sys, os
            from huggingface_hub import snapshot_download
            for repo, revision, expected in (("shapes-sd", sys.argv[1], sys.argv[2]),
                                             ("anybody/stories-llama", "shakespeare:0.8", sys.argv[3])):
                found = snapshot_download(repo, revision=revision)
                def files(top):
                    return {os.path.relpath(os.path.join(d, f), top) for d, _, names in os.walk(top) for f in names}
                assert files(found) == files(expected), (files(found), files(expected))
                for name in files(found):
                    assert open(os.path.join(found, name), "rb").read() == open(os.path.join(expected, name), "rb").read(), name
                print(len(files(found)))
            """
        let counts = try run(script, [Self.pipelineTerms, merged.pipeline, merged.llama], on: service)
        #expect(counts.split(separator: "\n").allSatisfy { Int($0) ?? 0 > 4 })
    }

    @Test(.enabled(if: hasTransformers, "python has no transformers, torch or safetensors"))
    func `transformers loads a recipe as a revision`() throws {
        let service = try service()
        let merged = try merged(service)
        let script = """
            import sys, torch
            from safetensors.torch import load_file
            from transformers import AutoModelForCausalLM, AutoTokenizer
            expected = load_file(sys.argv[1] + "/model.safetensors")
            plain = AutoModelForCausalLM.from_pretrained("stories-llama").state_dict()
            for repo in ("stories-llama", "someone/stories-llama"):
                model = AutoModelForCausalLM.from_pretrained(repo, revision="shakespeare:0.8")
                state = model.state_dict()
                assert all(torch.equal(state[name], value) for name, value in expected.items())
                assert any(not torch.equal(state[name], plain[name]) for name in expected)
            tokens = AutoTokenizer.from_pretrained("stories-llama", revision="shakespeare:0.8")("Once", return_tensors="pt")
            print(model.generate(tokens["input_ids"], max_new_tokens=4, do_sample=False).shape[1] - tokens["input_ids"].shape[1])
            """
        #expect(try run(script, [merged.llama], on: service) == "4")
    }

    @Test(.enabled(if: hasDiffusers, "python has no diffusers, transformers, torch or safetensors"))
    func `diffusers loads a pipeline with a recipe as its revision`() throws {
        let service = try service()
        let merged = try merged(service)
        let script = """
            import sys, torch
            from safetensors.torch import load_file
            from diffusers import DiffusionPipeline, UNet2DConditionModel
            expected = load_file(sys.argv[2] + "/unet/diffusion_pytorch_model.safetensors")
            pipeline = DiffusionPipeline.from_pretrained("shapes-sd", revision=sys.argv[1])
            alone = UNet2DConditionModel.from_pretrained("a/shapes-sd", subfolder="unet", revision=sys.argv[1])
            for unet in (pipeline.unet, alone):
                state = unet.state_dict()
                assert len(state) == len(expected)
                assert all(torch.equal(state[name], value) for name, value in expected.items())
            print(type(pipeline).__name__)
            """
        #expect(try run(script, [Self.pipelineTerms, merged.pipeline], on: service) == "StableDiffusionPipeline")
    }

    @Test(.enabled(if: hasPEFT, "python has no peft, transformers, torch or safetensors"))
    func `peft loads a stored adapter by its name`() throws {
        let service = try service()
        let script = """
            import sys, torch
            from peft import PeftModel
            from safetensors.torch import load_file
            from transformers import AutoModelForCausalLM
            model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("stories-llama"), "shakespeare")
            stored = load_file(sys.argv[1] + "/adapter_model.safetensors")
            state = {k.replace(".default", ""): v for k, v in model.state_dict().items()}
            assert stored and all(torch.equal(state[name], value) for name, value in stored.items())
            print(len(stored))
            """
        #expect(Int(try run(script, [Samples.shakespeare], on: service)) ?? 0 > 0)
    }

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `headers of safetensors files, lists of files and checksums are read remotely`() throws {
        let service = try service()
        let script = """
            import sys
            from huggingface_hub import HfApi, get_safetensors_metadata, parse_safetensors_file_metadata, snapshot_download
            api, terms = HfApi(), sys.argv[1]
            assert api.whoami()["name"] == "umbel"
            metadata = get_safetensors_metadata("stories-llama", revision="shakespeare:0.8")
            assert metadata.parameter_count == {"F32": 260032}, metadata.parameter_count
            path = "unet/diffusion_pytorch_model.safetensors"
            remote = parse_safetensors_file_metadata("shapes-sd", path, revision=terms)
            assert len(remote.tensors) > 300
            info = api.model_info("ns/shapes-sd", revision=terms, files_metadata=True)
            assert len(info.sha) == 40 and info.id == "ns/shapes-sd"
            files = api.list_repo_files("shapes-sd", revision=info.sha)
            assert sorted(files) == sorted(f.rfilename for f in info.siblings) and path in files
            tree = list(api.list_repo_tree("shapes-sd", revision=terms, recursive=True))
            assert {t.path for t in tree if hasattr(t, "size")} == set(files)
            assert {t.path for t in tree if not hasattr(t, "size")} >= {"unet", "vae"}
            inside = list(api.list_repo_tree("shapes-sd", "unet", revision=terms))
            assert {t.path for t in inside} == {f for f in files if f.startswith("unet/")}
            found = api.get_paths_info("shapes-sd", ["unet", path, "none"], revision=terms)
            assert [f.path for f in found] == ["unet", path]
            assert api.file_exists("shapes-sd", path, revision=terms)
            assert not api.file_exists("shapes-sd", "none", revision=terms)
            snapshot_download("shapes-sd", revision=terms)
            result = api.verify_repo_checksums("shapes-sd", revision=terms)
            assert result.checked_count == len(files) and not result.mismatches, result
            """
        _ = try run(script, [Self.pipelineTerms], on: service)
    }

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `a name that is re-pointed gives a new commit, and the old commit the old bytes`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        try service.scratch.write("other.safetensors", try Samples.other())
        let script = """
            import sys, urllib.request
            from huggingface_hub import HfApi, hf_hub_download
            api, url = HfApi(), sys.argv[1]
            name = "main_fp32.safetensors"
            old = api.model_info("main", revision="ink:0.5").sha
            bytes_before = open(hf_hub_download("main", name, revision="ink:0.5"), "rb").read()
            body = open("other.safetensors", "rb").read()
            urllib.request.urlopen(urllib.request.Request(url + "/v1/adapters/ink", data=body, method="PUT"))
            new = api.model_info("main", revision="ink:0.5").sha
            assert new != old
            again = hf_hub_download("main", name, revision=old, cache_dir="fresh")
            assert open(again, "rb").read() == bytes_before
            after = hf_hub_download("main", name, revision="ink:0.5", cache_dir="fresh")
            assert open(after, "rb").read() != bytes_before
            """
        _ = try run(script, [service.url], on: service)
    }

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `what is missing is told in the clients' own exceptions`() throws {
        let service = try service()
        let script = """
            from huggingface_hub import HfApi, hf_hub_download
            from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
            def expect(error, words, call, *arguments, **options):
                try: call(*arguments, **options)
                except error as found: assert words in str(found), str(found)
                else: raise AssertionError(f"no {error.__name__}")
            api = HfApi()
            expect(RepositoryNotFoundError, 'no base "nobody"', api.model_info, "nobody")
            expect(RevisionNotFoundError, 'no adapter "ink"', api.model_info, "shapes-sd", revision="ink:0.5")
            expect(RevisionNotFoundError, "no scale", api.model_info, "shapes-sd", revision="outline:much")
            expect(RevisionNotFoundError, "no variant", api.model_info, "shapes-sd", revision="0" * 40)
            expect(RevisionNotFoundError, "", hf_hub_download, "stories-llama", "config.json",
                   revision=api.model_info("shapes-sd").sha)
            expect(EntryNotFoundError, 'no file "none.json"', hf_hub_download, "shapes-sd", "none.json")
            expect(Exception, "None of the adapter's", api.model_info, "shapes-sd", revision="shakespeare")
            """
        _ = try run(script, on: service)
    }

    // MARK: Writing

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `upload_folder and upload_file store adapters that can be read back`() throws {
        let service = try Service(["shapes-sd": Samples.pipeline, "stories-llama": Samples.llama])
        let script = """
            import os, shutil, sys
            from huggingface_hub import HfApi, snapshot_download
            api = HfApi()
            shutil.copytree(sys.argv[1], "folder")
            open("folder/README.md", "w").write("---\\nlicense: mit\\n---\\nA card.\\n")
            open("folder/.gitattributes", "w").write("*.safetensors filter=lfs\\n")
            os.makedirs("folder/checkpoint-1")
            open("folder/checkpoint-1/optimizer.pt", "wb").write(bytes(3_000_000))
            repo = api.create_repo("me/bard").repo_id
            assert repo == "me/bard"
            commit = api.upload_folder(folder_path="folder", repo_id=repo)
            assert api.model_info(repo).sha == commit.oid
            found = snapshot_download(repo)
            assert sorted(os.listdir(found)) == ["adapter_config.json", "adapter_model.safetensors"]
            for name in os.listdir(found):
                assert open(f"{found}/{name}", "rb").read() == open(f"{sys.argv[1]}/{name}", "rb").read(), name
            line = api.upload_file(path_or_fileobj=sys.argv[2], path_in_repo="some-name.safetensors", repo_id="line")
            assert api.list_repo_files("line") == ["line.safetensors"]
            print(line.oid)
            """
        let commit = try run(script, [Samples.shakespeare, Samples.outline], on: service)
        let bard = try service.get("/v1/adapters/bard?effects=false").json
        #expect(bard["format"]?.string == "peft")
        #expect(bard["generation"]?.integer == 1)
        #expect(try service.digest("line") == Samples.sha256(Samples.data(Samples.outline)))
        #expect(try service.digest("line").hasPrefix(commit))
        #expect(try service.get("/v1/models/stories-llama+bard:0.5").status == 200)
    }

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `hf upload stores an adapter and hf download brings it`() throws {
        let service = try Service(["shapes-sd": Samples.pipeline])
        let script = """
            import os, subprocess, sys
            tool = os.path.join(os.path.dirname(sys.executable), "hf")
            os.mkdir("adapter")
            open("adapter/ink.safetensors", "wb").write(open(sys.argv[1], "rb").read())
            for arguments in (["upload", "ink", "adapter"], ["download", "ink", "--local-dir", "back"]):
                result = subprocess.run([tool] + arguments, capture_output=True, text=True)
                assert result.returncode == 0, result.stderr
            assert open("back/ink.safetensors", "rb").read() == open(sys.argv[1], "rb").read()
            """
        _ = try run(script, [Samples.outline], on: service)
        #expect(try service.digest("ink") == Samples.sha256(Samples.data(Samples.outline)))
    }

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `an upload that is refused says why and leaves nothing behind`() throws {
        let service = try Service(["shapes-sd": Samples.pipeline])
        let script = """
            import sys
            from huggingface_hub import HfApi
            api = HfApi()
            def refused(words, path, repo, content):
                try: api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo)
                except Exception as error: assert words in str(error), str(error)
                else: raise AssertionError(path)
            refused("is a base", "a.safetensors", "me/shapes-sd", sys.argv[1])
            refused("first commit", "README.md", "me/card", b"hello")
            refused("pickle", "adapter_model.bin", "me/old", b"x")
            refused("header", "a.safetensors", "me/broken", b"no safetensors at all, but text")
            refused("None of the adapter's", "a.safetensors", "me/foreign", sys.argv[2])
            """
        _ = try run(script, [Samples.outline, Samples.pirate], on: service)
        #expect(service.stored == [])
        #expect(try service.get("/v1/adapters").json["data"]?.array?.isEmpty == true)
    }

    // MARK: Interrupted

    @Test(.enabled(if: hasHub, "python has no huggingface_hub"))
    func `a download that is cut off goes on where it stopped`() throws {
        let scratch = try Scratch()
        let base = try scratch.write("large.safetensors", Samples.enlarged(by: 24 << 20))
        let service = try Service(["large": base])
        #expect(try service.put("ink", Samples.plain).status == 201)
        // A proxy that cuts the first connection through which 11 MiB have come; the client counts in pieces of 10 MiB.
        let script = """
            import os, re, socket, sys, threading
            upstream, limit, ranges, cut = int(sys.argv[1]), 11 << 20, [], threading.Event()
            listener = socket.create_server(("127.0.0.1", 0))
            os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
            def pump(source, sink, seen):
                count = 0
                try:
                    while data := source.recv(65536):
                        count += len(data)
                        if seen: ranges.extend(re.findall(rb"(?i)range: (\\S+)", data))
                        elif count > limit and not cut.is_set():
                            cut.set()
                            break
                        sink.sendall(data)
                except OSError: pass
                for end in (source, sink):
                    try: end.shutdown(socket.SHUT_RDWR)
                    except OSError: pass
            def serve():
                while True:
                    client, _ = listener.accept()
                    server = socket.create_connection(("127.0.0.1", upstream))
                    threading.Thread(target=pump, args=(client, server, True), daemon=True).start()
                    threading.Thread(target=pump, args=(server, client, False), daemon=True).start()
            threading.Thread(target=serve, daemon=True).start()
            from huggingface_hub import hf_hub_download
            path = hf_hub_download("large", "large.safetensors", revision="ink:0.5")
            assert cut.is_set() and ranges == [b"bytes=10485760-"], ranges
            open("whole", "wb").write(open(path, "rb").read())
            """
        let result = try python(
            script, [String(service.port)], environment: service.hubEnvironment(), in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try service.scratch.read("whole") == service.file("large+ink:0.5", "large.safetensors"))
    }
}

extension Service {
    /// The PEFT adapter for the small language model, as `shakespeare`.
    func putShakespeare() throws -> Answer {
        var form = Form()
        form.add(
            "file", fileName: "adapter_model.safetensors",
            try Samples.data(Samples.shakespeare + "/adapter_model.safetensors"))
        form.add("config", try Samples.data(Samples.shakespeare + "/adapter_config.json"))
        return try request(
            "PUT", "/v1/adapters/shakespeare", ["Content-Type": form.contentType], body: form.body)
    }
}

extension Samples {
    /// `main` with one more tensor of so many bytes of noise, which no adapter touches.
    static func enlarged(by bytes: Int) throws -> Data {
        let file = try data(main)
        let headerLength = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << ($1.offset * 8) }
        let header = String(decoding: file[8..<8 + headerLength], as: UTF8.self).trimmingCharacters(in: .whitespaces)
        let dataCount = file.count - 8 - headerLength
        var extended =
            header.dropLast()
            + ",\"filler\":{\"dtype\":\"U8\",\"shape\":[\(bytes)],\"data_offsets\":[\(dataCount),\(dataCount + bytes)]}}"
        extended += String(repeating: " ", count: (8 - extended.utf8.count % 8) % 8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: extended.utf8.count >> ($0 * 8)) }
        let filler = (0..<bytes / 8).map { UInt64($0) &* 0x9e37_79b9_7f4a_7c15 }
        return Data(length) + Data(extended.utf8) + file[(8 + headerLength)...]
            + filler.withUnsafeBytes { Data($0) }
    }
}
