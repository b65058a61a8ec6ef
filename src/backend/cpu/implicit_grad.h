// Gradients of samples with respect to the parameters of their distribution, at a fixed value of the
// distribution function: dx/da = -(dF(x; a)/da) / (dF(x; a)/dx).
//
// M. Figurnov, S. Mohamed, A. Mnih, "Implicit Reparameterization Gradients", NeurIPS 2018. Pure functions in
// double; relative error about 1e-9.
#pragma once
#include "backend/families_data.h"

namespace rustorch::cpu {

/// dx/da of x ~ Gamma(a, 1).
double gamma_implicit_grad(double a, double x);

/// (dx/da) / (1 - x) of x ~ Beta(a, total - a): what every component of a Dirichlet sample needs.
double dirichlet_implicit_grad(double x, double a, double total);

void implicit_grad(const ImplicitGradCall& call);

}  // namespace rustorch::cpu
