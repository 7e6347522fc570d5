"""Everything is in pyproject.toml, but for what it has no settled way to say."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "rawws._speedups",
            ["src/rawws/_speedups.c"],
            extra_compile_args=["-O3"],
            optional=True,  # without a compiler Python does the same
        )
    ]
)
