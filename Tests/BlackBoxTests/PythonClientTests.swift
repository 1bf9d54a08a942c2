import Foundation
import Testing

/// What people use from Python. `UMBEL_TEST_PYTHON` names the interpreter; what it lacks is skipped.
@Suite struct PythonClientTests {
    @Test(.enabled(if: Programs.pythonHas("requests"), "python has no requests"))
    func `requests uploads raw and as a form, and downloads whole and in parts`() throws {
        let service = try Service.main()
        let script = """
            import sys, requests
            url, adapter = sys.argv[1:]
            with open(adapter, "rb") as file: r = requests.put(url + "/v1/adapters/raw", data=file)
            assert r.status_code == 201, r.text
            with open(adapter, "rb") as file:
                r = requests.post(url + "/v1/adapters", data={"name": "form"}, files={"file": file})
            assert r.status_code == 201, r.text
            with open(adapter, "rb") as file:
                r = requests.put(url + "/v1/adapters/streamed", data=iter(lambda: file.read(100), b""))
            assert r.status_code == 201, r.text
            with requests.Session() as session:
                digests = {session.get(url + "/v1/adapters/" + n).json()["digest"] for n in ("raw", "form", "streamed")}
                assert len(digests) == 1
                target = url + "/v1/models/main+raw:0.5/files/main_fp32.safetensors"
                whole = session.get(target)
                assert len(whole.content) == int(whole.headers["Content-Length"])
                part = session.get(target, headers={"Range": "bytes=100-199"})
                assert part.status_code == 206 and part.content == whole.content[100:200]
                r = session.get(url + "/v1/models/none")
                assert r.status_code == 404 and r.headers["Content-Type"] == "application/problem+json"
                assert r.json()["code"] == "unknown_model"
            open("whole", "wb").write(whole.content)
            """
        let result = try python(script, [service.url, Samples.plain], in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try service.scratch.read("whole") == service.file("main+raw:0.5"))
    }

    @Test(.enabled(if: Programs.pythonHas("http.client"), "python is missing"))
    func `the standard library uploads and downloads`() throws {
        let service = try Service.main()
        let script = """
            import sys, urllib.request
            url, adapter = sys.argv[1:]
            body = open(adapter, "rb").read()
            r = urllib.request.urlopen(urllib.request.Request(url + "/v1/adapters/ink", data=body, method="PUT"))
            assert r.status == 201
            urllib.request.urlretrieve(url + "/v1/models/main+ink/files/main_fp32.safetensors", "whole")
            """
        let result = try python(script, [service.url, Samples.plain], in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try service.scratch.read("whole") == service.file("main+ink"))
    }

    @Test(.enabled(if: Programs.pythonHas("safetensors", "numpy"), "python has no safetensors or no numpy"))
    func `safetensors and numpy read base + s·Δ`() throws {
        let service = try Service(["shapes": Samples.pipeline])
        #expect(try service.put("outline", Samples.outline).status == 201)
        let path = "unet/diffusion_pytorch_model.safetensors"
        try service.scratch.write("merged.safetensors", try service.file("shapes+outline:0.75", path))
        let script = """
            import sys, numpy
            from safetensors import safe_open
            base, adapter, scale = safe_open(sys.argv[1], "np"), safe_open(sys.argv[2], "np"), float(sys.argv[3])
            merged = safe_open("merged.safetensors", "np")
            assert set(merged.keys()) == set(base.keys())
            names = {"lora_unet_" + k.removesuffix(".weight").replace(".", "_"): k for k in base.keys()}
            stems = {k.removesuffix(".alpha") for k in adapter.keys() if k.endswith(".alpha")}
            touched = set()
            for stem in sorted(stems):
                name = names[stem]
                touched.add(name)
                w = base.get_tensor(name).astype(numpy.float64)
                up = adapter.get_tensor(stem + ".lora_up.weight").astype(numpy.float64)
                down = adapter.get_tensor(stem + ".lora_down.weight").astype(numpy.float64)
                rank = down.shape[0]
                delta = up.reshape(-1, rank) @ down.reshape(rank, -1)
                delta *= float(adapter.get_tensor(stem + ".alpha")) / rank
                expected = w + scale * delta.reshape(w.shape)
                actual = merged.get_tensor(name).astype(numpy.float64)
                error = numpy.abs(actual - expected).max()
                assert error <= 2e-6 * max(1, numpy.abs(expected).max()), (name, error)
                assert numpy.abs(actual - w).max() > 0, name
            for name in set(base.keys()) - touched:
                assert numpy.array_equal(merged.get_tensor(name), base.get_tensor(name)), name
            print(len(touched))
            """
        let result = try python(script, [Samples.pipeline + "/" + path, Samples.outline, "0.75"], in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
        #expect(Int(result.text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 > 100)
    }

    @Test(.enabled(if: Programs.pythonHas("safetensors", "torch"), "python has no safetensors or no torch"))
    func `torch reads what is asked for as bf16, equal to its own rounding`() throws {
        let service = try Service.main()
        #expect(try service.put("ink", Samples.plain).status == 201)
        for type in ["f32", "f16", "bf16"] {
            let file = try service.file("main+ink:0.7", "main_fp32.safetensors", "?dtype=\(type)")
            try service.scratch.write(type + ".safetensors", file)
        }
        let script = """
            import torch
            from safetensors.torch import load_file
            exact = load_file("f32.safetensors")
            for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16)):
                for key, value in load_file(name + ".safetensors").items():
                    assert value.dtype == dtype and torch.equal(value, exact[key].to(dtype)), (name, key)
            """
        let result = try python(script, [], in: service.scratch)
        #expect(result.status == 0, "\(result.errors)")
    }
}
