package import UmbelNames
package import UmbelTensor

/// The weights of a base: names, shapes and values, and the table that adapters' names are looked up in.
package struct BaseWeights: Sendable {
    package let catalog: BaseCatalog
    /// Values of the catalog's tensors, in its order.
    package let views: [TensorView]

    /// - Precondition: one view for each tensor, of the same shape.
    package init(catalog: BaseCatalog, views: [TensorView]) {
        precondition(catalog.tensors.count == views.count)
        self.catalog = catalog
        self.views = views
    }

    /// "unet/conv_in.weight", or the plain name where there is one component only.
    package func label(_ tensor: Int) -> String {
        let tensor = catalog.tensors[tensor]
        return tensor.component.isEmpty ? tensor.name : "\(tensor.component)/\(tensor.name)"
    }
}
