"""The classes and functions that models of the usual libraries name: the word `known` of `--code-allow`.

The estimators of scikit-learn, what they keep inside them, and plain values; not the distributions of SciPy, which run
a text of their state by `exec` (`rv_generic._attach_argparser_methods`). Nothing of it is imported here. A new
version of scikit-learn needs its new names; a test compares the estimators.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from server.model.families.function_transformer import FUNCTIONS
from server.model.families.registry import KNOWN

OTHERS = """
_codecs: encode
builtins: bool bytearray bytes complex dict float frozenset int list object range set slice str tuple
collections: Counter OrderedDict defaultdict deque
copyreg: __newobj__ _reconstructor
datetime: date datetime timedelta
decimal: Decimal
fractions: Fraction
functools: partial
joblib.numpy_pickle: NumpyArrayWrapper
lightgbm.basic: Booster
lightgbm.sklearn: LGBMRanker
numpy: amax amin bool bool_ bytes_ character complex128 complex64 complexfloating datetime64 dtype expm1 float16
    float32 float64 floating generic inexact int16 int32 int64 int8 integer log1p max mean median min ndarray number
    object_ signedinteger str_ sum timedelta64 uint16 uint32 uint64 uint8 unsignedinteger
numpy._core.multiarray: _reconstruct scalar
numpy._core.numeric: _frombuffer
numpy.core.multiarray: _reconstruct scalar
numpy.core.numeric: _frombuffer
numpy.ma: MaskedArray
numpy.ma.core: _mareconstruct
numpy.random._mt19937: MT19937
numpy.random._pcg64: PCG64 PCG64DXSM
numpy.random._philox: Philox
numpy.random._pickle: __bit_generator_ctor __generator_ctor __randomstate_ctor
numpy.random._sfc64: SFC64
numpy.random.bit_generator: SeedSequence __pyx_unpickle_SeedSequence
scipy._lib.array_api_compat.numpy._aliases: asarray
scipy.interpolate._bsplines: BSpline
scipy.sparse._bsr: bsr_array bsr_matrix
scipy.sparse._coo: coo_array coo_matrix
scipy.sparse._csc: csc_array csc_matrix
scipy.sparse._csr: csr_array csr_matrix
scipy.sparse._dia: dia_array dia_matrix
scipy.sparse._dok: dok_matrix
scipy.sparse._lil: lil_array lil_matrix
sklearn._loss._loss: CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss
    CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyLossFunction
    CyPinballLoss __pyx_unpickle_CyHalfMultinomialLoss
sklearn._loss.link: HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit
sklearn._loss.loss: AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss
    HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss
sklearn.calibration: _CalibratedClassifier _SigmoidCalibration
sklearn.cluster._affinity_propagation: AffinityPropagation
sklearn.cluster._agglomerative: AgglomerativeClustering FeatureAgglomeration
sklearn.cluster._bicluster: SpectralBiclustering SpectralCoclustering
sklearn.cluster._birch: Birch _CFNode _CFSubcluster
sklearn.cluster._bisect_k_means: _BisectingTree
sklearn.cluster._dbscan: DBSCAN
sklearn.cluster._hdbscan.hdbscan: HDBSCAN
sklearn.cluster._kmeans: _kmeans_single_lloyd
sklearn.cluster._mean_shift: MeanShift
sklearn.cluster._optics: OPTICS
sklearn.cluster._spectral: SpectralClustering
sklearn.compose._column_transformer: _RemainderColsList make_column_selector
sklearn.covariance._elliptic_envelope: EllipticEnvelope
sklearn.covariance._empirical_covariance: EmpiricalCovariance
sklearn.covariance._graph_lasso: GraphicalLasso GraphicalLassoCV
sklearn.covariance._robust_covariance: MinCovDet
sklearn.covariance._shrunk_covariance: LedoitWolf OAS ShrunkCovariance
sklearn.decomposition._dict_learning: DictionaryLearning MiniBatchDictionaryLearning SparseCoder
sklearn.decomposition._kernel_pca: KernelPCA
sklearn.decomposition._lda: LatentDirichletAllocation
sklearn.decomposition._nmf: MiniBatchNMF NMF
sklearn.decomposition._sparse_pca: MiniBatchSparsePCA SparsePCA
sklearn.ensemble._hist_gradient_boosting.binning: _BinMapper
sklearn.ensemble._hist_gradient_boosting.predictor: TreePredictor
sklearn.feature_extraction.image: PatchExtractor
sklearn.feature_selection._mutual_info: mutual_info_classif mutual_info_regression
sklearn.feature_selection._univariate_selection: chi2 f_classif f_regression r_regression
sklearn.gaussian_process._gpc: GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace
sklearn.gaussian_process._gpr: GaussianProcessRegressor
sklearn.gaussian_process.kernels: CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation
    Hyperparameter Kernel KernelOperator Matern PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel
sklearn.impute._iterative: _ImputerTriplet
sklearn.kernel_approximation: AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler
sklearn.linear_model._sgd_fast: Classification EpsilonInsensitive Hinge ModifiedHuber Regression
    SquaredEpsilonInsensitive SquaredHinge
sklearn.manifold._classical_mds: ClassicalMDS
sklearn.manifold._isomap: Isomap
sklearn.manifold._locally_linear: LocallyLinearEmbedding
sklearn.manifold._mds: MDS
sklearn.manifold._spectral_embedding: SpectralEmbedding
sklearn.manifold._t_sne: TSNE
sklearn.metrics._classification: accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score
    d2_brier_score d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss jaccard_score log_loss
    precision_score recall_score zero_one_loss
sklearn.metrics._dist_metrics: BrayCurtisDistance64 CanberraDistance64 ChebyshevDistance64 DiceDistance64
    DistanceMetric64 EuclideanDistance64 HammingDistance64 HaversineDistance64 JaccardDistance64 KulsinskiDistance64
    MahalanobisDistance64 ManhattanDistance64 MatchingDistance64 MinkowskiDistance64 RogersTanimotoDistance64
    RussellRaoDistance64 SEuclideanDistance64 SokalMichenerDistance64 SokalSneathDistance64 newObj
sklearn.metrics._ranking: average_precision_score coverage_error dcg_score label_ranking_average_precision_score
    label_ranking_loss ndcg_score roc_auc_score top_k_accuracy_score
sklearn.metrics._regression: d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score
    max_error mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss
    mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance median_absolute_error
    r2_score root_mean_squared_error root_mean_squared_log_error
sklearn.metrics._scorer: _CurveScorer _PassthroughScorer _Scorer
sklearn.metrics.cluster._bicluster: consensus_score
sklearn.metrics.cluster._supervised: adjusted_mutual_info_score adjusted_rand_score completeness_score
    fowlkes_mallows_score homogeneity_score mutual_info_score normalized_mutual_info_score rand_score v_measure_score
sklearn.metrics.cluster._unsupervised: calinski_harabasz_score davies_bouldin_score silhouette_score
sklearn.model_selection._classification_threshold: _CurveScorer
sklearn.model_selection._split: GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut
    LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold
    StratifiedShuffleSplit TimeSeriesSplit
sklearn.multiclass: OutputCodeClassifier
sklearn.neighbors._ball_tree: BallTree newObj
sklearn.neighbors._classification: RadiusNeighborsClassifier
sklearn.neighbors._graph: KNeighborsTransformer RadiusNeighborsTransformer
sklearn.neighbors._kd_tree: KDTree newObj
sklearn.neighbors._kde: KernelDensity
sklearn.neighbors._lof: LocalOutlierFactor
sklearn.neighbors._nca: NeighborhoodComponentsAnalysis
sklearn.neighbors._nearest_centroid: NearestCentroid
sklearn.neighbors._regression: RadiusNeighborsRegressor
sklearn.neighbors._unsupervised: NearestNeighbors
sklearn.neural_network._rbm: BernoulliRBM
sklearn.neural_network._stochastic_optimizers: AdamOptimizer SGDOptimizer
sklearn.preprocessing._data: KernelCenterer
sklearn.preprocessing._label: LabelBinarizer LabelEncoder MultiLabelBinarizer
sklearn.random_projection: GaussianRandomProjection SparseRandomProjection
sklearn.semi_supervised._label_propagation: LabelPropagation LabelSpreading
sklearn.tree._tree: Tree
sklearn.utils._bunch: Bunch
sklearn.utils._metadata_requests: MetadataRequest MethodMetadataRequest
sklearn.utils.validation: check_array
xgboost.core: Booster
xgboost.sklearn: XGBRFClassifier XGBRFRegressor XGBRanker
"""
"""What is no family, and so not known as data: a line for each module, and further ones with a space before them."""


@cache
def known_names() -> frozenset[str]:
    """Return the full names of all of them. It imports all families, which takes half a second."""
    return frozenset({*KNOWN, *FUNCTIONS, *_others()})


def _others() -> Iterator[str]:
    for entry in OTHERS.strip().replace("\n    ", " ").splitlines():
        module, _, names = entry.partition(": ")
        yield from (f"{module}.{name}" for name in names.split())
