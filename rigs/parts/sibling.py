"""The programs beside this folder, as modules: one rig builds on what another does."""
import importlib.machinery, importlib.util, pathlib

HERE = pathlib.Path(__file__).resolve().parent.parent


def sibling(name):
    loader = importlib.machinery.SourceFileLoader(name, str(HERE / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
