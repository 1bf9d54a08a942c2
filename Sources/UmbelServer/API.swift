/// Every endpoint. The router, `/openapi.json` and the tests that demand coverage all read this list.
package enum API {
    package static let routes: [Route] =
        ServiceRoutes.all + AdapterRoutes.all + HistoryRoutes.all + BlobRoutes.all + ModelRoutes.all + VariantRoutes.all
        + TrafficRoutes.all + CompareRoutes.all + AdminRoutes.all + WatchRoutes.all + HubRoutes.all + HubWriteRoutes.all
        + LoRARoutes.all + ScaleRoutes.all + ImageRoutes.all + JobRoutes.all + SweepRoutes.all + WebUIRoutes.all
        + WebUIListRoutes.all
}
