"""Programs as graphs: symbolic_trace(module) records what it does with its arguments, the graph can be read and changed, and a
GraphModule runs it again as Python.

    traced = symbolic_trace(model)
    for node in traced.graph.nodes:
        if node.target is rustorch.relu:
            node.target = rustorch.tanh
    traced.recompile()
"""

from ._symbolic_trace import PH as PH
from ._symbolic_trace import Tracer, symbolic_trace, wrap
from .graph import Graph
from .graph_module import GraphModule
from .interpreter import Interpreter, Transformer
from .node import Node, has_side_effect, map_arg
from .proxy import Proxy
from .subgraph_rewriter import replace_pattern

__all__ = ["Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer", "has_side_effect", "map_arg",
           "replace_pattern", "symbolic_trace", "wrap"]  # fmt: skip
