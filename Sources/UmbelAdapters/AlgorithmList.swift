/// Every algorithm, in the order in which a module is offered to them: the first that claims it has it.
package enum AlgorithmList {
    package static let all: [any Algorithm.Type] = [
        // AdaLoRA shares LoRA's spellings.
        AdaLoRA.self, LoRA.self, LoHa.self, IA3.self, LoKr.self, Norm.self, DiagOFT.self, BOFT.self, GLoRA.self,
        TLoRA.self,
        // PEFT's own.
        PEFTOFT.self, PEFTBOFT.self, PEFTIA3.self, VeRA.self, HRA.self, FourierFT.self, MISS.self, SHiRA.self, C3A.self,
        DeLoRA.self, HiRA.self, RoAd.self, VBLoRA.self, GraLoRA.self, RandLoRA.self, PEFTGLoRA.self, LNTuning.self,
        TrainableTokens.self, WholeTensor.self,
        SetWeight.self,
        // Last, for a `diff_b` may stand beside any other family.
        Full.self,
    ]

    /// Spellings of all roles, longest suffix first, so that the longest match at the end of a key wins.
    package static let spellings: [(suffix: String, role: Role)] = {
        var roles: [String: Role] = [:]
        for algorithm in all {
            for spelling in algorithm.roles {
                for suffix in spelling.suffixes { roles[suffix] = spelling.role }
            }
        }
        return roles.map { (suffix: $0, role: $1) }
            .sorted { ($0.suffix.utf8.count, $0.suffix) > ($1.suffix.utf8.count, $1.suffix) }
    }()
}
