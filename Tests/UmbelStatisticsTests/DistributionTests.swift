import Testing
import UmbelStatistics

/// Against values that SciPy 1.17 gave, to 1e-10 of each.
@Suite struct DistributionTests {
    @Test(arguments: [
        (-37.5, 4.605353009581954e-308), (-8, 6.22096057427174e-16), (-1.5, 0.06680720126885807),
        (-0.1, 0.460172162722971), (0.7, 0.758036347776927), (3, 0.9986501019683699), (8, 0.9999999999999993),
    ])
    func `the normal distribution below x`(x: Double, expected: Double) {
        // Below the normal numbers there are fewer digits to agree in.
        #expect(agree(Normal.cumulative(x), expected, expected < 1e-307 ? 1e-6 : 1e-10))
        #expect(Normal.survival(-x) == Normal.cumulative(x))
    }

    @Test(arguments: [
        (1e-300, -37.0470962993612), (1e-10, -6.361340902404056), (0.025, -1.9599639845400545),
        (0.3, -0.5244005127080409), (0.5001, 0.0002506628300880075), (0.975, 1.959963984540054),
    ])
    func `quantiles of the normal distribution`(p: Double, expected: Double) {
        #expect(agree(Normal.quantile(p), expected))
    }

    @Test(arguments: [
        (1, -3.0, 0.10241638234956672), (2, 0.5, 0.6666666666666666), (4.5, 2.776, 0.978062189857461),
        (30, -9.0, 2.5074159580739443e-10), (1e6, -1.96, 0.024998033792634926), (0.7, 1e5, 0.9999017072380261),
        (100, -38.0, 1.5195158191964586e-61),
    ])
    func `Student's distribution below t`(degrees: Double, t: Double, expected: Double) {
        #expect(agree(StudentT(degrees: degrees).cumulative(t), expected))
        #expect(agree(StudentT(degrees: degrees).survival(-t), expected))
    }

    @Test(arguments: [
        (1, 1e-12, -318309886183.7907), (2, 0.025, -4.302652729749464), (4.5, 0.4999, -0.0002648678148282281),
        (30, 0.9, 1.3104150253913955), (1e6, 0.975, 1.959966356814107), (7.25, 1e-30, -28291.781218940356),
    ])
    func `quantiles of Student's distribution`(degrees: Double, p: Double, expected: Double) {
        #expect(agree(StudentT(degrees: degrees).quantile(p), expected))
    }

    @Test(arguments: [
        (0.5, 0.5, 0.1, 0.20483276469913345, 0.7951672353008665), (1, 1, 0.3, 0.3, 0.7),
        (3, 7, 0.9, 0.999997002, 2.9979999999999953e-06),
        (501, 9501, 0.04, 3.761789874509767e-07, 0.9999996238210126),
        (200001, 300001, 0.4, 0.49984644718943727, 0.5001535528105701),
        (2e6, 3e6, 0.4005, 0.988753020250852, 0.011246979749156259),
    ])
    func `the beta distribution below and above x`(
        a: Double, b: Double, x: Double, below: Double, above: Double
    ) {
        #expect(agree(Beta(a, b).cumulative(x), below))
        #expect(agree(Beta(a, b).survival(x), above))
    }

    @Test(arguments: [
        (0.5, 0.5, 1e-8, 2.4674011002723397e-16), (3, 7, 0.975, 0.600093573716312),
        (501, 9501, 0.025, 0.045901268594915445), (200001, 300001, 0.9, 0.4008883686604937),
        (40, 0.8, 0.6, 0.9912308708182826),
    ])
    func `quantiles of the beta distribution`(a: Double, b: Double, p: Double, expected: Double) {
        #expect(agree(Beta(a, b).quantile(p), expected))
    }

    @Test(arguments: [
        (1, 3.84, 0.9499564787512949, 0.05004352124870519), (2, 60.0, 0.9999999999999064, 9.357622968840163e-14),
        (9, 2.0, 0.008532393371186466, 0.9914676066288135), (9, 40.0, 0.9999924014747705, 7.598525229464264e-06),
        (150.5, 151.0, 0.526794847172473, 0.47320515282752695), (1, 700.0, 1, 2.990226975124623e-154),
    ])
    func `the χ² distribution below and above x`(degrees: Double, x: Double, below: Double, above: Double) {
        #expect(agree(ChiSquared(degrees: degrees).cumulative(x), below))
        #expect(agree(ChiSquared(degrees: degrees).survival(x), above))
    }

    @Test(arguments: [
        (1, 1e-9, 1.5707963267948974e-18), (1, 0.95, 3.841458820694124), (2, 0.999, 13.815510557964274),
        (9, 0.5, 8.342832692252955), (150.5, 0.025, 118.42792378808326),
    ])
    func `quantiles of the χ² distribution`(degrees: Double, p: Double, expected: Double) {
        #expect(agree(ChiSquared(degrees: degrees).quantile(p), expected))
    }

    @Test func `quantiles at the ends are the ends, and outside there are none`() {
        #expect(Normal.quantile(0) == -.infinity && Normal.quantile(1) == .infinity && Normal.quantile(0.5) == 0)
        #expect(StudentT(degrees: 3).quantile(0) == -.infinity && StudentT(degrees: 3).quantile(0.5) == 0)
        #expect(Beta(2, 3).quantile(0) == 0 && Beta(2, 3).quantile(1) == 1)
        #expect(ChiSquared(degrees: 3).quantile(0) == 0 && ChiSquared(degrees: 3).quantile(1) == .infinity)
        for p in [-0.1, 1.1, .nan] {
            #expect(Normal.quantile(p).isNaN && StudentT(degrees: 3).quantile(p).isNaN)
            #expect(Beta(2, 3).quantile(p).isNaN && ChiSquared(degrees: 3).quantile(p).isNaN)
        }
    }

    @Test func `tails at infinity`() {
        #expect(StudentT(degrees: 3).cumulative(-.infinity) == 0 && StudentT(degrees: 3).cumulative(.infinity) == 1)
        #expect(ChiSquared(degrees: 3).survival(.infinity) == 0 && ChiSquared(degrees: 3).survival(0) == 1)
        #expect(Beta(2, 3).cumulative(0) == 0 && Beta(2, 3).cumulative(1) == 1)
    }
}
