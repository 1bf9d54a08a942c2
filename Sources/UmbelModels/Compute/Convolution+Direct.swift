internal import CUmbelCompute
internal import UmbelTensor

extension Convolution {
    /// Products of the inputs at each kernel position with the weights there.
    func convolveDirectly(
        _ x: FeatureMap, into out: FeatureMap, _ residual: FeatureMap?, _ panels: Panels, _ pool: ComputePool
    ) {
        let units = panels.type == .f32 ? x.values : x.values.pairedColumns(pool: pool)
        let parts = ProductParts(rows: out.places, columns: outputs, threads: pool.threads, widest: 10 * Panels.width)
        pool.forEach(x.batch * parts.count) { index in
            let (picture, part) = (index / parts.count, parts[index % parts.count])
            var shape = self.shape(x, units, out, picture)
            shape.panel_stride = panels.stride
            shape.unit = panels.type.unit
            shape.out += part.columns.lowerBound
            shape.panels = UnsafeRawPointer(panels.from(output: part.columns.lowerBound))
            shape.columns = part.columns.count
            shape.bias = bias.map { UnsafePointer($0.start + part.columns.lowerBound) }
            shape.residual = residual.map {
                UnsafePointer($0.values.row(picture * out.places) + part.columns.lowerBound)
            }
            umbel_convolve(&shape, part.rows.lowerBound, part.rows.count)
        }
    }

    /// One product, of the inputs at all kernel positions behind each other: for so few inputs that each position's own
    /// product would hardly begin.
    func convolveGathered(
        _ x: FeatureMap, into out: FeatureMap, _ residual: FeatureMap?, _ panels: Panels, _ pool: ComputePool
    ) {
        let units = panels.type == .f32 ? x.values : x.values.pairedColumns(pool: pool)
        let grain = 96
        let parts = (out.places + grain - 1) / grain
        pool.forEach(x.batch * parts) { index in
            let (picture, first) = (index / parts, index % parts * grain)
            var shape = self.shape(x, units, out, picture)
            let patches = Matrix(rows: min(grain, out.places - first), columns: panels.inner)
            umbel_gather(patches.start, &shape, first, patches.rows)
            let row = picture * out.places + first
            var product = umbel_panel_product(
                out: out.values.row(row), out_stride: outputs, left: patches.start, left_stride: patches.columns,
                panels: panels.from(output: 0), panel_stride: panels.stride, rows: patches.rows, inner: panels.inner,
                columns: outputs, bias: bias.map { UnsafePointer($0.start) },
                residual: residual.map { UnsafePointer($0.values.row(row)) }, residual_stride: outputs, ahead: nil,
                ahead_bytes: 0,
                unit: panels.type.unit)
            umbel_multiply_panels(&product)
        }
    }

    /// A product of each place with each output's weights, (kernel · kernel · outputs, inputs); always in f32.
    func convolveFew(
        _ x: FeatureMap, into out: FeatureMap, _ residual: FeatureMap?, _ weights: Matrix, _ pool: ComputePool
    ) {
        let grain = 256
        let parts = (out.places + grain - 1) / grain
        pool.forEach(x.batch * parts) { index in
            let (picture, first) = (index / parts, index % parts * grain)
            var shape = self.shape(x, x.values, out, picture)
            shape.panels = UnsafeRawPointer(weights.start)
            shape.residual = residual.map { UnsafePointer($0.values.row(picture * out.places)) }
            umbel_convolve_few(&shape, first, min(grain, out.places - first))
        }
    }

    /// One picture of a batch: all columns, numbers, no weights, no residual.
    private func shape(_ x: FeatureMap, _ units: Matrix, _ out: FeatureMap, _ picture: Int) -> umbel_convolution {
        umbel_convolution(
            out: out.values.row(picture * out.places), out_stride: outputs, in: units.row(picture * x.places),
            height: x.height, width: x.width, inner: units.columns, kernel: kernel, stride: stride, top: padding.top,
            left: padding.left, out_height: out.height, out_width: out.width, panels: nil, panel_stride: 0,
            columns: outputs, bias: bias.map { UnsafePointer($0.start) }, residual: nil, unit: UMBEL_NUMBERS)
    }
}
