internal import UmbelTensor

/// The pictures on their way: numbers channel after channel, picture after picture, as noise is drawn.
struct Latents {
    var values: [Float]
    let batch: Int
    let channels: Int
    let height: Int
    let width: Int

    /// Of one picture.
    var size: Int { channels * height * width }

    /// One picture as networks see it.
    func map(of picture: Int) -> FeatureMap { map(of: picture..<picture + 1) }

    /// Some pictures as networks see them, times a factor.
    func map(of pictures: Range<Int>, scaledBy scale: Float = 1) -> FeatureMap {
        let map = values.withUnsafeBufferPointer { values in
            values.baseAddress.map {
                FeatureMap(
                    planes: $0 + pictures.lowerBound * size, batch: pictures.count, channels: channels, height: height,
                    width: width)
            }
        }
        guard let map else { return FeatureMap(batch: 0, height: height, width: width, channels: channels) }
        if scale != 1 { map.values.scale(by: scale) }
        return map
    }
}

extension FeatureMap {
    /// Each picture several times, one after the other.
    func repeated(_ count: Int) -> FeatureMap {
        let out = FeatureMap(batch: batch * count, height: height, width: width, channels: channels)
        for picture in 0..<out.batch {
            let from = values.row(picture / count * places)
            out.values.row(picture * places).update(from: from, count: places * channels)
        }
        return out
    }
}
