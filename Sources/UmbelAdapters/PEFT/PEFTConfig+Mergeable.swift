internal import UmbelFormats

extension PEFTConfig {
    /// Methods that change no weight, or not the same way for every input, or that hardly any public file uses.
    private static let refusedMethods: [String: String] = {
        let prompts = "it changes the input or the attention cache, not the weights"
        let dynamic = "what it does depends on the input or on other layers, so no fixed weight equals it"
        let rare = "its merge is not implemented"
        return Dictionary(
            uniqueKeysWithValues: [
                "PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "ADAPTION_PROMPT", "CPT",
                "CARTRIDGE",
            ].map { ($0, prompts) }
                + ["XLORA", "POLY", "LILY", "SHADOW"].map { ($0, dynamic) }
                + [
                    "WAVEFT", "ADAMSS", "BEFT", "DEFT", "FROD", "OSF", "PEANUT", "PSOFT", "PVERA", "SUPERTUNING",
                    "TINYLORA",
                    "UNILORA",
                ].map { ($0, rare) })
    }()

    /// Settings of LoRA that leave no merged form.
    private static let refusedFields: [(field: String, reason: String)] = [
        ("alora_invocation_tokens", "the adapter is active only after its invocation tokens"),
        ("arrow_config", "it routes between adapters by the input"),
        ("use_qalora", "it is defined on a quantised base"),
        ("use_bdlora", "its factors are sharded block-diagonally"),
        ("kasa_config", "the base it belongs to was rebuilt by KaSA"),
        ("layer_replication", "the model it was trained on has replicated layers"),
        ("velora_config", "VeLoRA changes what is trained in a way that the file does not tell"),
        ("monteclora_config", "MonteCLoRA samples its weights while training"),
    ]

    /// - Throws: `notMergeable` naming the method or field and why.
    func checkMergeable() throws(PEFTConfigError) {
        if let reason = Self.refusedMethods[method] { throw .notMergeable(method: method, reason: reason) }
        for (field, reason) in Self.refusedFields where isSet(field) {
            throw .notMergeable(method: "\(method) with \(field)", reason: reason)
        }
        switch initialisation {
        case "corda", "loftq":
            throw .notMergeable(
                method: "\(method) with init_lora_weights \"\(initialisation)\"",
                reason: "the base it belongs to was changed with data that the file does not hold")
        default: break
        }
    }

    /// `init_lora_weights` in lower case; JSON booleans as "true" and "false".
    package var initialisation: String {
        let value = fields["init_lora_weights"]
        return (value?.string ?? (value?.bool == false ? "false" : "true")).lowercased()
    }

    /// Is the field there with something other than null, false or an empty container?
    package func isSet(_ field: String) -> Bool {
        switch fields[field] {
        case nil, .null, .bool(false): false
        case .array(let values): !values.isEmpty
        case .object(let members): !members.isEmpty
        default: true
        }
    }
}
