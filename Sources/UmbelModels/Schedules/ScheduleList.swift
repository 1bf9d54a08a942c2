/// Every scheduler class of diffusers that Umbel has.
package enum ScheduleList {
    package static let all: [any Schedule.Type] = [
        DDIM.self, DDPM.self, PNDM.self, LMS.self, Euler.self, EulerAncestral.self, Heun.self, DPMSolverMultistep.self,
        DPMSolverSinglestep.self, DPMSolverSDE.self, UniPC.self, LCM.self,
    ]
}

package enum Schedules {
    /// The schedule that a configuration describes.
    ///
    /// - Parameter eta: see `Schedule.init`.
    package static func make(
        _ config: ScheduleConfig, steps: Int, eta: Double = 0
    ) throws(ScheduleError) -> any Schedule {
        guard let type = ScheduleList.all.first(where: { $0.className == config.className }) else {
            throw .unknownClass(config.className)
        }
        return try type.init(config, steps: steps, eta: eta)
    }
}
